import { mkdir, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { TinyBackbone } from "@kilotune/backbone/testing";
import type { JobId, TenantId } from "@kilotune/contract";
import {
  createFile,
  createJob,
  createTenant,
  type Job,
  type JobRequest,
  type Service,
} from "@kilotune/service";
import { openLocalStore } from "@kilotune/store/local";
import { StateMachine, type StateMachineDefinition } from "aws-local-stepfunctions";
import type { Compute, TrialTaskResult, TuneTaskResult } from "../process/tasks.ts";
import { runTask } from "../process/run-task.ts";
import type { AnswerTaskResult } from "../process/tasks.ts";
import { type Row, toyRows } from "../testing.ts";
import { tuneJobDefinition } from "../workflow/definition.ts";
import type { StateContext } from "./context.ts";
import { JobStopped } from "./state-error.ts";
import { STATES } from "./states.ts";

/** Jobs over the real service, a store on disk and the local engine; `compute` may be pretended. */
export interface TestJobs extends AsyncDisposable {
  readonly service: Service;
  readonly tenant: TenantId;
  readonly folder: string;
  readonly logged: unknown[];
  compute: Compute;
  newJob(more?: {
    readonly train?: string;
    readonly method?: JobRequest["method"];
    readonly validation?: boolean;
    readonly sweep?: JobRequest["sweep"];
    readonly folds?: number;
  }): Promise<Job>;
  /** An execution, from Validate to Notify. */
  run(job: JobId): Promise<void>;
  /** Paths of all blobs of the tenant. */
  blobs(): Promise<string[]>;
}

export async function openTestJobs(tiny: TinyBackbone): Promise<TestJobs> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-states-"));
  const scratch = path.join(folder, "scratch");
  await mkdir(scratch);
  const store = await openLocalStore(path.join(folder, "store"));
  const running = new Map<string, AbortController>();
  const service: Service = {
    records: store.records,
    blobs: store.blobs,
    clock: { now: () => new Date() },
    backbones: new Map([["tiny", { id: "tiny", createdAt: 0, layers: 2 }]]),
    workflow: {
      start: async () => {},
      stop: async (_, job) => running.get(job)?.abort(new JobStopped("stopped")),
    },
  };
  const { id: tenant } = await createTenant(service, { name: "Desk", plan: "business" });
  const upload = (filename: string, text: string) =>
    createFile(service, tenant, { filename, purpose: "fine-tune" }, oneChunk(text));
  const definition = tuneJobDefinition((name) => `arn:aws:lambda:local:000000000000:function:${name}`);
  const machine = new StateMachine(definition as StateMachineDefinition);

  const self: TestJobs = {
    service,
    tenant,
    folder,
    logged: [],
    compute: here(tiny),
    async newJob({
      train = jsonl(toyRows(10, 1)),
      method = { type: "kv", tokens: 2, epochs: 3 } as const,
      ...more
    } = {}) {
      const { id: trainingFile } = await upload("train.jsonl", train);
      const validation =
        more.validation === false ? undefined : await upload("val.jsonl", jsonl(toyRows(5, 2)));
      return createJob(service, tenant, {
        model: "tiny",
        trainingFile,
        ...(validation && { validationFile: validation.id }),
        method,
        ...(more.sweep && { sweep: more.sweep }),
        ...(more.folds && { folds: more.folds }),
        seed: 1,
      });
    },
    async run(job) {
      const controller = new AbortController();
      running.set(job, controller);
      const context: StateContext = {
        service,
        compute: self.compute,
        scratch,
        signal: controller.signal,
        turn: (_, __, work) => work(),
        send: async () => 200,
        log: (error) => self.logged.push(error),
      };
      const handlers = Object.entries(STATES).map(([name, state]) => [
        name,
        (input: unknown) => state(context, input),
      ]);
      const { result } = machine.run(
        { tenant, job },
        {
          overrides: {
            taskResourceLocalHandlers: Object.fromEntries(handlers),
            retryIntervalOverrides: Object.fromEntries(Object.keys(STATES).map((name) => [name, 0])),
          },
        },
      );
      await result;
    },
    async blobs() {
      const paths: string[] = [];
      for await (const blob of store.blobs.list(tenant, "")) paths.push(blob.path);
      return paths;
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return self;
}

/** The work in this process. */
export function here({ backbone }: TinyBackbone): Compute {
  return {
    tune: (task, hooks) => runTask(task, backbone, hooks) as Promise<TuneTaskResult>,
    measure: (task, hooks) => runTask(task, backbone, hooks) as Promise<TrialTaskResult>,
    answer: (task, hooks) => runTask(task, backbone, hooks) as Promise<AnswerTaskResult>,
  };
}

export function jsonl(rows: readonly Row[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}

async function* oneChunk(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

export async function gathered(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of chunks) parts.push(part);
  return Buffer.concat(parts);
}
