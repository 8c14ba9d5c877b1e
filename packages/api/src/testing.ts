import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  type BatchId,
  type JobId,
  KilotuneError,
  PLATFORM,
  type PromptId,
  retold,
  type TenantId,
} from "@kilotune/contract";
import type { BackboneObject } from "@kilotune/contract/wire";
import { imageFacts, maskFacts } from "@kilotune/image";
import { createSharpCodec } from "@kilotune/image/node";
import {
  type Backbone,
  beginJob,
  createKey,
  createTenant,
  finishJob,
  type ImageCall,
  type ImageInference,
  type Inference,
  type InferenceCall,
  type Job,
  queueJob,
  readImage,
  runBatch,
  type Service,
} from "@kilotune/service";
import { openLocalStore } from "@kilotune/store/local";
import { createApi } from "./create-api.ts";
import type { Limits } from "./limits.ts";
import { type LogLine, printLogLine } from "./operations/log-line.ts";

/** The API over the real service and a store on disk; only model and workflow are pretended. */
export interface TestApi extends AsyncDisposable {
  readonly fetch: (request: Request) => Promise<Response>;
  readonly service: Service;
  /** Lines as printed. */
  readonly log: string[];
  readonly adminKey: string;
  readonly folder: string;
  /** Set to pretend otherwise. */
  model: Inference;
  ready: boolean;
  /** Moves the clock. */
  wait(seconds: number): void;
  /** To its end: batches aren't run unless told. */
  runBatch(tenant: TestTenant, id: string): Promise<void>;
  newTenant(overrides?: Parameters<typeof createTenant>[1]["overrides"]): Promise<TestTenant>;
}

export interface TestTenant {
  readonly id: TenantId;
  readonly key: string;
  /** A call as this tenant. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  upload(content: string | Uint8Array, filename?: string, purpose?: string): Promise<Answer>;
  importPrompt(content: string | Uint8Array, fields?: Readonly<Record<string, string>>): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of all shapes
  readonly body: any;
}

export const ROWS = `{"text":"Where is my parcel?","label":"shipping"}
{"text":"I was charged twice","label":"billing"}
{"text":"The parcel is late","label":"shipping"}
{"text":"Please refund me","label":"billing"}
`;

/** `images`: whether a backbone of images is served, too. */
export async function openTestApi(
  limits: Partial<Limits> = {},
  { images = false }: { readonly images?: boolean } = {},
): Promise<TestApi> {
  const folder = await mkdtemp(path.join(tmpdir(), "kilotune-api-"));
  let aheadMs = 0;
  const clock = { now: () => new Date(Date.now() + aheadMs) };
  const store = await openLocalStore(folder, { clock });
  const service: Service = {
    records: store.records,
    blobs: store.blobs,
    workflow: { start: async () => {}, stop: async () => {} },
    clock,
    backbones: new Map([MINILM_SERVED, ...(images ? [VIT_SERVED] : [])]),
    looks: {
      image: (bytes) => imageFacts(CODEC, bytes),
      mask: (bytes) => maskFacts(CODEC, bytes),
    },
  };
  const log: string[] = [];
  const { secret: adminKey } = await createKey(service, PLATFORM);
  const self: TestApi = {
    service,
    log,
    adminKey,
    folder,
    model: { ...echoModel(), images: echoImages(service) },
    ready: true,
    fetch: async (request) => api.fetch(request),
    wait: (seconds) => {
      aheadMs += seconds * 1000;
    },
    async runBatch(tenant, id) {
      const tools = { inference: self.model, signal: new AbortController().signal };
      for await (const _ of runBatch(service, tenant.id, id as BatchId, tools));
    },
    async newTenant(overrides = {}) {
      const { id } = await createTenant(service, { name: "Acme", plan: "business", overrides });
      const { secret: key } = await createKey(service, id);
      return { id, key, ...callsWith(self, key) };
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  const api = createApi({
    service,
    inference: {
      classify: (call) => self.model.classify(call),
      estimate: (call) => self.model.estimate(call),
      tag: (call) => self.model.tag(call),
      embed: (call) => self.model.embed(call),
      get images() {
        return self.model.images as ImageInference;
      },
    },
    acceptPrompt,
    backbones: images ? [MINILM, VIT] : [MINILM],
    limits: { followMs: 10, ...limits },
    logger: (line: LogLine) => log.push(printLogLine(line)),
    ready: () => self.ready,
    origins: ["https://console.test"],
  });
  return self;
}

export function callsWith(api: Pick<TestApi, "fetch">, key: string | undefined) {
  const send = async (path: string, init: RequestInit, headers: Record<string, string> = {}) => {
    const authorization: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const request = new Request(`http://api.test${path}`, {
      ...init,
      headers: { ...authorization, ...(init.headers as Record<string, string>), ...headers },
    });
    return answered(await api.fetch(request));
  };
  const sendForm = async (form: FormData, path = "/v1/files") => {
    const { body, headers } = await encoded(form);
    return send(path, { method: "POST", body, headers });
  };
  return {
    call: (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
      body === undefined
        ? send(path, { method }, headers)
        : send(
            path,
            {
              method,
              body: typeof body === "string" ? body : JSON.stringify(body),
              headers: { "content-type": "application/json" },
            },
            headers,
          ),
    upload: (content: string | Uint8Array, filename = "train.jsonl", purpose = "fine-tune") => {
      const form = new FormData();
      form.set("file", new Blob([content as BlobPart]), filename);
      form.set("purpose", purpose);
      return sendForm(form);
    },
    importPrompt: (content: string | Uint8Array, fields: Readonly<Record<string, string>> = {}) => {
      const form = new FormData();
      for (const [name, value] of Object.entries(fields)) form.set(name, value);
      form.set("file", new Blob([content as BlobPart]), "prompt.safetensors");
      return sendForm(form, "/v1/prompts");
    },
  };
}

/** As bytes: undici's own stream of a form can't be left early without an unhandled rejection. */
export async function encoded(
  form: FormData,
): Promise<{ body: ArrayBuffer; headers: Record<string, string> }> {
  const response = new Response(form);
  const headers = { "content-type": response.headers.get("content-type") as string };
  return { body: await response.arrayBuffer(), headers };
}

export async function answered(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson && text !== "" ? JSON.parse(text) : undefined,
  };
}

/** Takes everything but what begins with `{`: of the model alone nothing is real here. */
async function acceptPrompt(bytes: Uint8Array) {
  if (bytes[0] === 0x7b) throw new KilotuneError("invalid_prompt", "It is none.", "", { param: "file" });
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  // As a file says in its manifest what it is for.
  const task = bytes[0] === 0x74 ? "tagging" : "classification";
  return { sha256, backbone: "minilm-l6", task, bytes } as const;
}

/** A tenant's job, ended as the worker would end it; answers the job with its model. */
export async function tune(api: TestApi, tenant: TestTenant, more: object = {}): Promise<Job> {
  const file = await tenant.upload(`${ROWS}{"text":"seed ${Math.random()}","label":"billing"}\n`);
  const { body } = await tenant.call("POST", "/v1/fine_tuning/jobs", {
    model: "minilm-l6",
    training_file: file.body.id,
    ...more,
  });
  return succeed(api, tenant, body.id);
}

/** The job's end, with a prompt of its own. */
export async function succeed({ service }: TestApi, tenant: TestTenant, job: JobId): Promise<Job> {
  await queueJob(service, tenant.id, job);
  await beginJob(service, tenant.id, job);
  const bytes = new TextEncoder().encode(`prompt of ${job}`);
  const hash = createHash("sha256").update(bytes).digest("hex") as PromptId;
  return finishJob(service, tenant.id, job, {
    status: "succeeded",
    promptId: hash,
    bytes,
    trainedTokens: 40,
  });
}

/** Says of a text how long it is: rows can be told apart, and from other prompts' rows. */
function echoModel(): Inference {
  const listen = ({ signal }: Pick<InferenceCall, "signal">) => signal.throwIfAborted();
  return {
    async classify({ topK, ...call }) {
      listen(call);
      const rows = call.inputs.map((input) => {
        const text = wordsOf(input);
        const label = `${call.promptId.slice(0, 8)}:${text.length}`;
        const scores = [
          { label, score: 0.75 },
          { label: "__proto__", score: 0.25 },
        ].slice(0, topK);
        return { label, score: 0.75, scores, truncated: text.length > 1000 };
      });
      return { rows, tokens: 5 * rows.length };
    },
    async estimate(call) {
      listen(call);
      const rows = call.inputs.map((input) => ({ value: wordsOf(input).length, truncated: false }));
      return { rows, tokens: 5 * rows.length };
    },
    async tag(call) {
      listen(call);
      const rows = call.inputs.map((text) => {
        const [start, end] = [text.indexOf("<"), text.indexOf(">") + 1];
        const label = call.promptId.slice(0, 8);
        return { spans: start < 0 ? [] : [{ label, start, end, score: 0.75 }], truncated: false };
      });
      return { rows, tokens: 5 * rows.length };
    },
    async embed(call) {
      listen(call);
      const rows = call.inputs.map((text) => ({
        vector: Float32Array.of(text.length, 0.5, -1),
        truncated: false,
      }));
      return { rows, tokens: 5 * rows.length };
    },
  };
}

function wordsOf(input: InferenceCall["inputs"][number]): string {
  return typeof input === "string" ? input : `${input.text} ${input.text_pair}`;
}

/** Says of an image how large it is: decoded in earnest, as a model's reader would, with its place in what it refuses. */
function echoImages(service: Service): ImageInference {
  const looked = (call: ImageCall) =>
    Promise.all(
      call.images.map(async (source) => {
        const bytes = await readImage(service, call.tenant, source);
        const { width, height } = await imageFacts(CODEC, bytes).catch((error) => {
          throw error instanceof KilotuneError ? retold(error, { param: source.param }) : error;
        });
        return { width, height, label: `${call.promptId.slice(0, 8)}:${width}x${height}` };
      }),
    );
  return {
    async classify({ topK, ...call }) {
      return (await looked(call)).map(({ label }) => ({
        label,
        score: 0.75,
        scores: [
          { label, score: 0.75 },
          { label: "__proto__", score: 0.25 },
        ].slice(0, topK),
      }));
    },
    async segment({ format, ...call }) {
      return (await looked(call)).map(({ width, height, label }) => ({
        width,
        height,
        classes: [{ label, share: 1 }],
        ...(format === "png" ? { mask: Uint8Array.of(1, 2, 3) } : {}),
        ...(format === "rle"
          ? {
              segments: [{ label, segmentation: { size: [height, width] as [number, number], counts: "x" } }],
            }
          : {}),
        ...(format === "polygons" ? { segments: [{ label, segmentation: [[0, 0, 1, 0, 1, 1]] }] } : {}),
      }));
    },
    async detect({ threshold = 0.3, maxObjects, ...call }) {
      return (await looked(call)).map(({ width, height, label }) => ({
        width,
        height,
        objects: [
          { label, score: 0.9, box: [0, 0, width, height] as const },
          { label, score: 0.4, box: [0, 0, 1, 1] as const },
        ]
          .filter(({ score }) => score >= threshold)
          .slice(0, maxObjects),
      }));
    },
  };
}

const CODEC = createSharpCodec();

export function overloaded(): Inference {
  const refuse = () => {
    const hint = "Try again.";
    return Promise.reject(
      new KilotuneError("overloaded", "Too many rows wait.", hint, { kind: "machine", retryable: true }),
    );
  };
  return { classify: refuse, estimate: refuse, tag: refuse, embed: refuse };
}

export const MINILM: BackboneObject = {
  id: "minilm-l6",
  object: "backbone",
  title: "all-MiniLM-L6-v2",
  licence: "Apache-2.0",
  tasks: ["classify", "embeddings"],
  hidden_size: 3,
  max_tokens: 256,
};

export const VIT: BackboneObject = {
  id: "vit",
  object: "backbone",
  title: "A vision transformer",
  licence: "Apache-2.0",
  tasks: ["classify", "segment", "detect"],
  input: "image",
  hidden_size: 4,
  max_tokens: null,
};

const MINILM_SERVED: [string, Backbone] = [
  "minilm-l6",
  {
    id: "minilm-l6",
    createdAt: 1_760_000_000,
    layers: 6,
    tasks: ["classification", "multi_label", "regression", "tagging", "retrieval"],
  },
];

const VIT_SERVED: [string, Backbone] = [
  "vit",
  {
    id: "vit",
    createdAt: 1_760_000_000,
    layers: 12,
    input: "image",
    tasks: ["classification", "segmentation", "detection"],
  },
];
