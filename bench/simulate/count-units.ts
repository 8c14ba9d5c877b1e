import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createApi } from "@kilotune/api";
import type { JobId } from "@kilotune/contract";
import {
  createKey,
  createTenant,
  deliverEvents,
  getJob,
  type Inference,
  reportProgress,
  type Service,
  sweep,
} from "@kilotune/service";
import { STATES, type StateContext } from "@kilotune/worker";
import { PromptFiles } from "../../packages/aws/src/prompt-files.ts";
import { startAws } from "../../packages/store/src/aws/emulator.fixtures.ts";
import { quickCompute } from "../../test/journeys/quick-compute.ts";
import { meter, type Units } from "./meter.ts";

/** What one of each costs in calls of the table and the bucket, counted on the real service over the emulator. */
export interface UnitsOf {
  /** POST /v1/classify of one text by a tuned model, but for the loading of its prompt. */
  readonly classify: Units & { readonly roundsBefore: number };
  readonly promptLoad: Units;
  /** POST /v1/files of a training file. */
  readonly upload: Units;
  /** POST /v1/fine_tuning/jobs and all states, with no time spent on the work itself. */
  readonly job: Units;
  /** Of a running job, every two seconds; every fifth time with its checkpoint. */
  readonly progress: Units;
  /** The minute's round for webhooks and the hour's sweep, for a tenant that has something to come back for. */
  readonly deliver: Units;
  readonly sweep: Units;
}

/** undefined where the emulator isn't installed. */
export async function countUnits(): Promise<UnitsOf | undefined> {
  const aws = await startAws();
  if (aws === undefined) return undefined;
  process.env.POWERTOOLS_METRICS_DISABLED = "true"; // They go to stdout.
  const { promptSource, refOf } = await import("../../packages/aws/src/prompt-source.ts");
  const scratch = await mkdtemp(path.join(os.tmpdir(), "kilotune-units-"));
  try {
    let now = Date.UTC(2026, 10, 25, 12);
    const clock = { now: () => new Date(now) };
    const store = await aws.open(clock);
    const counted = meter(store.dynamo, store.s3);
    const service: Service = {
      records: store.records,
      blobs: store.blobs,
      clock,
      backbones: new Map([["minilm-l6", { id: "minilm-l6", createdAt: 1_760_000_000, layers: 6 }]]),
      workflow: { start: async () => {}, stop: async () => {} },
    };
    const { id: tenant } = await createTenant(service, { name: "Acme", plan: "business" });
    const { secret } = await createKey(service, tenant, { scopes: ["infer", "tune", "read", "manage"] });
    let roundsBefore = 0;
    let asked: (() => void) | undefined;
    const api = createApi({ service, inference: answering(() => asked?.()), backbones: [] });
    const call = async (route: string, body: FormData | object): Promise<{ id: string }> => {
      const isForm = body instanceof FormData;
      const response = await api.request(route, {
        method: "POST",
        headers: {
          authorization: `Bearer ${secret}`,
          ...(isForm ? {} : { "content-type": "application/json" }),
        },
        body: isForm ? body : JSON.stringify(body),
      });
      if (!response.ok) throw new Error(`${route}: ${response.status} ${await response.text()}`);
      return response.json();
    };

    let file = "";
    let job = "" as JobId;
    const upload = await counted.during(async () => {
      file = (await call("/v1/files", trainingFile())).id;
    });
    const context = contextOf(service, scratch);
    const jobUnits = await counted.during(async () => {
      job = (await call("/v1/fine_tuning/jobs", { model: "minilm-l6", training_file: file })).id as JobId;
      await STATES.Validate(context, { tenant, job });
      await STATES.Tune(context, { tenant, job });
    });
    const progress = await counted.during(async () => {
      await reportProgress(service, tenant, job, { message: "epoch 3 of 10", metrics: { step: 3 } });
    });
    const ending = await counted.during(async () => {
      await STATES.Evaluate(context, { tenant, job });
      await STATES.Publish(context, { tenant, job });
      await STATES.Notify(context, { tenant, job });
    });
    const { tunedModel, promptId } = await getJob(service, tenant, job);
    const ask = () => call("/v1/classify", { model: tunedModel, input: "where is my parcel" });
    // The first of a minute makes its counters.
    await ask();
    now += 100;
    const before = await counted.during(
      () =>
        new Promise<void>((resolve, reject) => {
          asked = resolve;
          ask().catch(reject);
        }),
    );
    roundsBefore = before.rounds;
    asked = undefined;
    await new Promise((resolve) => setTimeout(resolve, 200));
    const classify = { ...(await counted.during(ask)), roundsBefore };
    const files = new PromptFiles(path.join(scratch, "prompts"), 1e6);
    // The bytes are no prompt; that is seen once they are there.
    const load = () => promptSource(service, files)(refOf(tenant, promptId ?? "")).catch(() => {});
    const promptLoad = await counted.during(load);
    const deliver = await counted.during(() => deliverEvents(service, context.send));
    // Past the time that a note is left alone: what is left to do is looked at, and put off.
    now += 2 * 3_600_000;
    const sweeping = await counted.during(() => sweep(service));
    await store.cleanup();
    return { classify, promptLoad, upload, job: sum(jobUnits, ending), progress, deliver, sweep: sweeping };
  } finally {
    await aws.stop();
    await rm(scratch, { recursive: true, force: true });
  }
}

function answering(onAsked: () => void): Inference {
  return {
    async classify({ inputs }) {
      onAsked();
      const row = { label: "parcel", score: 1, scores: [{ label: "parcel", score: 1 }], truncated: false };
      return { rows: inputs.map(() => row), tokens: 8 };
    },
    estimate: () => Promise.reject(new Error("nobody asks for numbers")),
    tag: () => Promise.reject(new Error("nobody asks for spans")),
    embed: () => Promise.reject(new Error("nobody asks for vectors")),
  };
}

function contextOf(service: Service, scratch: string): StateContext {
  return {
    service,
    compute: quickCompute({ steps: 1, promptBytes: 50_000 }),
    scratch,
    signal: new AbortController().signal,
    turn: (_, __, work) => work(),
    send: async () => 200,
    log: (error) => {
      throw error;
    },
  };
}

/** 560 rows, 14 labels, 50 KB: like that of examples/support-desk. */
function trainingFile(): FormData {
  const rows = Array.from({ length: 560 }, (_, at) =>
    JSON.stringify({
      text: `message ${at} about what goes wrong in topic ${at % 14}`,
      label: `topic-${at % 14}`,
    }),
  );
  const form = new FormData();
  form.set("purpose", "fine-tune");
  form.set("file", new File([`${rows.join("\n")}\n`], "train.jsonl"));
  return form;
}

function sum(a: Units, b: Units): Units {
  const names = Object.keys(a) as (keyof Units)[];
  return Object.fromEntries(names.map((name) => [name, a[name] + b[name]])) as unknown as Units;
}
