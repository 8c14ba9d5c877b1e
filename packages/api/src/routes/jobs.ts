import { createRoute } from "@hono/zod-openapi";
import {
  CheckpointPage,
  JobCreate,
  JobEventPage,
  JobListQuery,
  JobObject,
  JobPage,
  metadataFilter,
  PageQuery,
} from "@kilotune/contract/wire";
import {
  cancelJob,
  createJob,
  getJob,
  listCheckpoints,
  listJobEvents,
  listJobs,
  pauseJob,
  resumeJob,
} from "@kilotune/service";
import { z } from "zod";
import { answers, answersOrStreams, ById, calls, json, sends } from "../declare.ts";
import { newRoutes } from "../env.ts";
import { followJob, wantsStream } from "../follow-job.ts";
import { repeatOf } from "../idempotency.ts";
import { checkpointView, jobEventView, jobRequest, jobView } from "../views/job.ts";
import { pageQuery, pageView } from "../views/page.ts";

const tags = ["Fine-tuning"];

export function jobRoutes() {
  const routes = newRoutes();

  routes.openapi(
    createRoute({
      ...sends("tune"),
      tags,
      method: "post",
      path: "/v1/fine_tuning/jobs",
      summary: "Tune a backbone to a file; the same call again is the same job",
      request: json(JobCreate),
      responses: answers("The job, waiting", JobObject),
    }),
    async (c) => {
      const body = c.req.valid("json");
      const { service, tenant } = c.var;
      return c.json(
        jobView(await createJob(service, tenant, jobRequest(body), repeatOf(c, body)), tenant),
        200,
      );
    },
  );

  routes.openapi(
    createRoute({
      ...calls("read"),
      tags,
      method: "get",
      path: "/v1/fine_tuning/jobs",
      summary: "List jobs, the newest first",
      request: { query: JobListQuery },
      responses: answers("A page of jobs", JobPage),
    }),
    async (c) => {
      const { service, tenant } = c.var;
      const { after, limit, ...filter } = c.req.valid("query");
      const query = { ...pageQuery({ after, limit }), metadata: metadataFilter(filter) };
      return c.json(
        pageView(await listJobs(service, tenant, query), (job) => jobView(job, tenant)),
        200,
      );
    },
  );

  routes.openapi(
    createRoute({
      ...calls("read"),
      tags,
      method: "get",
      path: "/v1/fine_tuning/jobs/{id}",
      summary: "Get a job",
      request: { params: ById },
      responses: answers("The job", JobObject),
    }),
    async (c) => {
      const { service, tenant } = c.var;
      return c.json(jobView(await getJob(service, tenant, c.req.valid("param").id), tenant), 200);
    },
  );

  for (const { verb, steer, summary } of [
    { verb: "cancel", steer: cancelJob, summary: "End a job for good; no model comes of it" },
    { verb: "pause", steer: pauseJob, summary: "Stop a job at its next checkpoint" },
    { verb: "resume", steer: resumeJob, summary: "Let a paused job go on from its checkpoint" },
  ]) {
    routes.openapi(
      createRoute({
        ...calls("tune"),
        tags,
        method: "post",
        path: `/v1/fine_tuning/jobs/{id}/${verb}`,
        summary,
        request: { params: ById },
        responses: answers("The job as it is now", JobObject),
      }),
      async (c) => {
        const { service, tenant } = c.var;
        return c.json(jobView(await steer(service, tenant, c.req.valid("param").id), tenant), 200);
      },
    );
  }

  routes.openapi(
    createRoute({
      ...calls("read"),
      tags,
      method: "get",
      path: "/v1/fine_tuning/jobs/{id}/events",
      summary:
        "List events, the newest first; with `stream=true` follow them, the oldest first, to the job's end",
      request: { params: ById, query: PageQuery.extend({ stream: z.enum(["true", "false"]).optional() }) },
      responses: answersOrStreams("A page of events, or a stream of them", JobEventPage),
    }),
    async (c) => {
      const { service, tenant } = c.var;
      const { id } = c.req.valid("param");
      const { stream, ...page } = c.req.valid("query");
      if (wantsStream(c, stream)) return followJob(c, id, page.after);
      return c.json(pageView(await listJobEvents(service, tenant, id, pageQuery(page)), jobEventView), 200);
    },
  );

  routes.openapi(
    createRoute({
      ...calls("read"),
      tags,
      method: "get",
      path: "/v1/fine_tuning/jobs/{id}/checkpoints",
      summary: "List checkpoints, the newest first; each can be called as a model",
      request: { params: ById, query: PageQuery },
      responses: answers("A page of checkpoints", CheckpointPage),
    }),
    async (c) => {
      const { service, tenant } = c.var;
      const query = pageQuery(c.req.valid("query"));
      const page = await listCheckpoints(service, tenant, c.req.valid("param").id, query);
      return c.json(pageView(page, checkpointView), 200);
    },
  );

  return routes;
}
