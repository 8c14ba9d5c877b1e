import type { OpenAPIHono } from "@hono/zod-openapi";
import type { BackboneObject } from "@kilotune/contract/wire";
import { KilotuneError } from "@kilotune/contract";
import type { AcceptPrompt, Inference, Service } from "@kilotune/service";
import { cors } from "hono/cors";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Deps } from "./deps.ts";
import { type Env, newRoutes } from "./env.ts";
import { describeError } from "./errors/describe-error.ts";
import { notFound } from "./errors/not-found.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { authenticate } from "./middleware/authenticate.ts";
import { observe } from "./middleware/observe.ts";
import { refuseOtherMethods } from "./middleware/other-methods.ts";
import { countUnderway, Underway } from "./middleware/underway.ts";
import { requestId } from "./middleware/request-id.ts";
import { trace } from "./middleware/trace.ts";
import type { LogLine } from "./operations/log-line.ts";
import { createMetrics, type Metrics } from "./operations/metrics.ts";
import { adminRoutes } from "./routes/admin.ts";
import { aliasRoutes } from "./routes/aliases.ts";
import { batchRoutes } from "./routes/batches.ts";
import { fileRoutes } from "./routes/files.ts";
import { inferenceRoutes } from "./routes/inference.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { modelRoutes } from "./routes/models.ts";
import { notYetRoutes } from "./routes/not-yet.ts";
import { operationRoutes } from "./routes/operations.ts";
import { promptRoutes } from "./routes/prompts.ts";
import { referenceRoutes } from "./routes/reference.ts";
import { tenantRoutes } from "./routes/tenant.ts";
import { uploadRoutes } from "./routes/uploads.ts";
import { usageRoutes } from "./routes/usage.ts";

export interface ApiOptions {
  readonly service: Service;
  readonly inference: Inference;
  /** Judges prompts that are imported; without it there is no import here (501). */
  readonly acceptPrompt?: AcceptPrompt;
  /** What each of the service's backbones is and can do. */
  readonly backbones: readonly BackboneObject[];
  readonly logger?: (line: LogLine) => void;
  readonly limits?: Partial<Limits>;
  readonly metrics?: Metrics;
  readonly ready?: () => boolean;
  /** Pages of these origins may call (`*`: all). Keys go in a header, never in a cookie, so none is lent to a page. */
  readonly origins?: readonly string[];
}

/** The whole API: a request in, a response out. It listens to no port and reads no environment. */
export function createApi(options: ApiOptions): OpenAPIHono<Env> {
  const deps = depsOf(options);
  const api = newRoutes();

  api.onError((error, c) => {
    const { status, body, headers } = describeError(error);
    return c.json(body, status as ContentfulStatusCode, headers);
  });
  api.notFound(() => {
    throw notFound();
  });

  api.use(async (c, next) => {
    c.set("deps", deps);
    c.header("x-content-type-options", "nosniff");
    await next();
  });
  api.use(requestId, trace, observe);
  if (options.origins !== undefined) api.use(forPages(options.origins));
  api.use("/v1/*", authenticate, countUnderway);
  api.use("/admin/*", authenticate);

  for (const routes of [
    fileRoutes,
    uploadRoutes,
    jobRoutes,
    modelRoutes,
    promptRoutes,
    aliasRoutes,
    inferenceRoutes,
    batchRoutes,
    usageRoutes,
    tenantRoutes,
    notYetRoutes,
    adminRoutes,
  ]) {
    api.route("/", routes());
  }
  describeKeys(api);
  api.route("/", referenceRoutes(api));
  api.route("/", operationRoutes());
  refuseOtherMethods(api);
  return api;
}

function depsOf({ service, inference, backbones, ...rest }: ApiOptions): Deps {
  const limits = { ...DEFAULT_LIMITS, ...rest.limits };
  return {
    service,
    inference,
    acceptPrompt: rest.acceptPrompt ?? noImport,
    backbones,
    limits,
    underway: new Underway(),
    metrics: rest.metrics ?? createMetrics(limits.tenantsInMetrics),
    log: rest.logger ?? (() => {}),
    ready: rest.ready ?? (() => true),
  };
}

async function noImport(): Promise<never> {
  throw new KilotuneError("not_implemented", "This server imports no prompts.", "Tune on it instead.");
}

function forPages(origins: readonly string[]) {
  const exposeHeaders = ["etag", "retry-after", "x-request-id", "x-should-retry"];
  return cors({ origin: origins.includes("*") ? "*" : [...origins], exposeHeaders, maxAge: 600 });
}

function describeKeys(api: OpenAPIHono<Env>): void {
  const scheme = (name: string, component: object) =>
    api.openAPIRegistry.registerComponent("securitySchemes", name, component as { type: "http" });
  scheme("bearer", { type: "http", scheme: "bearer", description: "`Authorization: Bearer kt_..`" });
  scheme("apiKey", { type: "apiKey", in: "header", name: "x-api-key" });
}
