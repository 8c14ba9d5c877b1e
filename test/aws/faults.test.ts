import { createHash } from "node:crypto";
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import type { TenantId } from "@kilotune/contract";
import { encodePrompt } from "@kilotune/prompt";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readEnvironment } from "../../packages/aws/src/environment.ts";
import { openService } from "../../packages/aws/src/service.ts";
import { type TinyBackbone, tinyBackbone } from "../../packages/backbone/src/testing.ts";
import { randomPrompt, WORDS } from "../../packages/serving/src/text/testing.ts";
import type { PlantedTenant } from "../plant-tenant.ts";
import { type Built, build } from "./built.ts";
import { type Cloud, openCloud } from "./cloud.ts";
import { CREDENTIALS } from "./container-process.ts";
import { eventOf, responseOf } from "./events.ts";
import { type AwsFault, type FaultProxy, faultProxy } from "./fault-proxy.ts";
import { type LambdaProcess, MOUNTS } from "./lambda-process.ts";
import { plant } from "./plant.ts";

/** What goes wrong around the functions: each gives an error that says what, with the right status, and is tried again where that helps. */

let tiny: TinyBackbone;
let built: Built;
let cloud: Cloud | undefined;
let proxy: FaultProxy;
let api: LambdaProcess;
let planted: PlantedTenant;
beforeAll(async () => {
  tiny = await tinyBackbone({ words: WORDS });
  built = await build(["api", "infer", "evaluate"], tiny.bundle);
  cloud = await openCloud({ built, backbone: tiny.backbone, tune: async () => null });
  if (cloud === undefined) return;
  Object.assign(process.env, CREDENTIALS, cloud.environment);
  proxy = await faultProxy(cloud.environment.AWS_ENDPOINT_URL as string);
  planted = await plant(openService(readEnvironment(cloud.environment)), tiny.backbone.manifest, 1);
  api = await cloud.another("api", { environment: linesTo(proxy) });
});
beforeEach((context) => {
  if (cloud === undefined) context.skip();
  proxy.faults.length = 0;
});
afterAll(async () => {
  await api?.[Symbol.asyncDispose]();
  await cloud?.[Symbol.asyncDispose]();
  await proxy?.[Symbol.asyncDispose]();
  await built[Symbol.asyncDispose]();
  await tiny[Symbol.asyncDispose]();
});

const linesTo = ({ url }: FaultProxy) => ({ AWS_ENDPOINT_URL_S3: url, AWS_ENDPOINT_URL_DYNAMODB: url });

async function call(method: string, route: string, body?: object | FormData) {
  const isForm = body instanceof FormData;
  const request = new Request(`https://api.test${route}`, {
    method,
    headers: {
      authorization: `Bearer ${planted.key}`,
      ...(body !== undefined && !isForm && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: isForm ? body : JSON.stringify(body) }),
  });
  const answer = responseOf(await api.invoke(await eventOf(request, "url")));
  return { status: answer.status, headers: answer.headers, body: await answer.json() };
}

const classify = (input = "my card was lost") =>
  call("POST", "/v1/classify", { model: planted.model, input });
const question = (more: object = {}) => ({
  task: "classify",
  tenant: planted.id,
  promptId: planted.promptId,
  inputs: ["my card was lost"],
  ...more,
});

/** What `infer` answers, where it refuses. */
async function refusal(infer: LambdaProcess, event: unknown = question()) {
  return ((await infer.invoke(event)).payload as { error?: { code: string; message: string } }).error;
}

function fault(action: string, times: number, what: AwsFault): void {
  for (let left = times; left > 0; left--) proxy.faults.push({ action, fault: what });
}

const objectOf = (tenant: TenantId, promptId: string) => ({
  Bucket: (cloud as Cloud).bucket,
  Key: `tenants/${tenant}/prompts/${promptId}.safetensors`,
});

async function withObject(bytes: Uint8Array | undefined, work: () => Promise<void>): Promise<void> {
  const { s3 } = cloud as Cloud;
  const object = objectOf(planted.id, planted.promptId);
  const found = await s3.send(new GetObjectCommand(object));
  const Body = await found.Body!.transformToByteArray();
  await s3.send(
    new PutObjectCommand({
      ...object,
      Body: bytes ?? Body.map((byte, at) => (at === Body.length - 1 ? byte ^ 1 : byte)),
    }),
  );
  try {
    await work();
  } finally {
    await s3.send(new PutObjectCommand({ ...object, Body }));
  }
}

describe("layers", () => {
  it("missing, of another processor, without a backbone, or with another one", async () => {
    const rows = [
      [{}, "runtime_unusable", "below /opt/nodejs/node_modules, saw none"],
      [
        { runtime: otherArchitecture, backbone: true },
        "runtime_unusable",
        `for linux-${process.arch}, saw one`,
      ],
      [{ runtime: process.arch as "x64" }, "backbone_missing", "/kilotune/backbone: "],
    ] as const;
    for (const [which, code, words] of rows) {
      await using infer = await cloud!.another("infer", { layers: await built.otherLayers(which) });
      const error = await refusal(infer);
      expect(error).toMatchObject({ code, message: expect.stringContaining(words) });
      expect(infer.log()).toContain(code);
      expect(infer.log()).toContain("npm run layer");
    }
    await using other = await cloud!.another("infer", { environment: { KILOTUNE_BACKBONE: "minilm-l6" } });
    expect(await refusal(other)).toMatchObject({
      code: "backbone_missing",
      message: expect.stringContaining("expected minilm-l6, saw tiny"),
    });
  });

  it("missing under `evaluate`: the job fails, and the log says why", async () => {
    await using evaluate = await cloud!.another("evaluate", { layers: await built.otherLayers({}) });
    expect(evaluate.log()).toBe("");
    const input = { tenant: planted.id, job: "ftjob-00000000000000000000000000" };
    // There is no such job: it stops before it needs a layer.
    expect((await evaluate.invoke(input)).error?.errorType).toBe("JobStopped");
    expect((await evaluate.invoke({ tenant: "x" })).error?.errorMessage).toContain(
      "begins with {tenant, job}",
    );
  });

  it("an environment that isn't whole", async () => {
    const starting = cloud!.another("api", {
      environment: { KILOTUNE_TABLE: "", KILOTUNE_INFER_FUNCTIONS: "{" },
    });
    await expect(starting).rejects.toThrow(/KILOTUNE_TABLE is missing; KILOTUNE_INFER_FUNCTIONS isn't JSON/);
  });
});

describe("prompts", () => {
  it("are answered, from S3, from the disk and from memory alike", async () => {
    await using infer = await cloud!.another("infer");
    const first = (await infer.invoke(question())).payload;
    expect(first).toMatchObject({ classified: { labels: expect.arrayContaining(["refund"]) } });
    expect((await infer.invoke(question())).payload).toEqual(first);
    expect(infer.log().match(/"PromptGetMs":[\d.]+/g)).toHaveLength(1);
  });

  it("corrupt in the bucket: the call fails alone, and a later one with the sound bytes doesn't", async () => {
    await using infer = await cloud!.another("infer");
    await withObject(undefined, async () => {
      expect(await refusal(infer)).toMatchObject({ code: "prompt_damaged" });
    });
    await withObject(Buffer.from("no prompt"), async () => {
      expect(await refusal(infer)).toMatchObject({ code: "prompt_damaged" });
    });
    expect(infer.log()).toContain("prompt_damaged");
    expect(await refusal(infer)).toBeUndefined();
    expect(await refusal(infer, question({ promptId: "0".repeat(64) }))).toMatchObject({
      code: "prompt_damaged",
    });
  });

  it("of another backbone: the caller is told", async () => {
    await using other = await tinyBackbone({ words: WORDS, layers: 3 });
    const bytes = encodePrompt(randomPrompt(other.backbone.manifest, 2, { method: "kv" }).prompt, {
      storage: "float32",
    });
    const promptId = createHash("sha256").update(bytes).digest("hex");
    await cloud!.s3.send(new PutObjectCommand({ ...objectOf(planted.id, promptId), Body: bytes }));
    expect(await refusal(await cloud!.instance("infer"), question({ promptId }))).toMatchObject({
      code: "backbone_mismatch",
      kind: "input",
    });
  });

  it.skipIf(!MOUNTS)("with a full /tmp: answered all the same", async () => {
    await using infer = await cloud!.another("infer", { tmpBytes: 4096 });
    expect(await refusal(infer)).toBeUndefined();
    expect(infer.log()).toContain('"PromptFilesRefused":1');
  });
});

describe("events", () => {
  it("of another form than `infer` expects", async () => {
    const infer = await cloud!.instance("infer");
    const hostile = [
      null,
      {},
      "x",
      question({ tenant: "tn-../x" }),
      question({ promptId: "../x" }),
      question({ inputs: [] }),
      question({ task: "tune" }),
    ];
    for (const event of hostile) expect(await refusal(infer, event)).toMatchObject({ code: "bad_event" });
  });
});

describe("the store", () => {
  const upload = (bytes: number) => {
    const row = ["a", "b"].map((label) => `{"text":"${label.repeat(90)}","label":"${label}"}\n`).join("");
    const form = new FormData();
    form.set("purpose", "fine-tune");
    form.set("file", new File([row.repeat(bytes / row.length)], "large.jsonl"));
    return call("POST", "/v1/files", form);
  };

  it("throttled, for a moment: nobody notices", async () => {
    fault("GetItem", 2, { status: 400, code: "ProvisionedThroughputExceededException" });
    expect((await classify()).status).toBe(200);
    expect(proxy.faults).toEqual([]);
  });

  it("throttled for longer: 503, and when to come back", async () => {
    fault("GetItem", 20, { status: 400, code: "ProvisionedThroughputExceededException" });
    const { status, headers, body } = await classify();
    expect([status, body.error.code]).toEqual([503, "store_busy"]);
    expect([headers.get("retry-after"), headers.get("x-should-retry")]).toEqual(["1", "true"]);
  });

  it("slow: answered late, or given up", async () => {
    fault("GetItem", 1, { delayMs: 700 });
    expect((await classify()).status).toBe(200);
    fault("GetItem", 20, "hang");
    const { status, body } = await classify();
    expect([status, body.error.code]).toEqual([503, "store_busy"]);
  });

  it("denying: 500 without a word of why, which the log has", async () => {
    fault("GetItem", 20, { status: 400, code: "AccessDeniedException" });
    const { status, body } = await classify();
    expect([status, body.error.code]).toEqual([500, "store_denied"]);
    expect(body.error.message).toBe("Something went wrong on the server's side.");
    expect(api.log()).toContain("AccessDeniedException");
  });

  it("with another clock: signed anew by its own", async () => {
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    fault("GET", 1, { status: 403, code: "RequestTimeTooSkewed", headers: { date } });
    await using infer = await cloud!.another("infer", { environment: linesTo(proxy) });
    expect(await refusal(infer)).toBeUndefined();
    const [early, late] = proxy.requests
      .filter(({ action }) => action === "GET")
      .map(({ headers }) => headers["x-amz-date"]);
    expect(String(late) > String(early)).toBe(true);
  });

  it("S3 throttled, denying, or cut off in the middle of a prompt", async () => {
    const rows = [
      [1, { status: 503, code: "SlowDown" }, undefined],
      [20, { status: 503, code: "SlowDown" }, "store_busy"],
      [20, { status: 403, code: "AccessDenied" }, "store_denied"],
      [20, { cutAfter: 100 }, "store_busy"],
    ] as const;
    for (const [times, what, code] of rows) {
      proxy.faults.length = 0;
      await using infer = await cloud!.another("infer", { environment: linesTo(proxy) });
      fault("GET", times, what);
      expect((await refusal(infer))?.code, JSON.stringify(what)).toBe(code);
      // It fails alone: the next call reads it anew.
      proxy.faults.length = 0;
      expect(await refusal(infer)).toBeUndefined();
    }
  });

  it("cut off in the middle of a file: the line is cut too, not ended as if all were there", async () => {
    const { body: file } = await upload(200_000);
    fault("GET", 1, { cutAfter: 1000 });
    const request = new Request(`https://api.test/v1/files/${file.id}/content`, {
      headers: { authorization: `Bearer ${planted.key}` },
    });
    const answer = await api.invoke(await eventOf(request, "url"));
    expect(answer.error?.errorType).toBe("KilotuneError");
    expect(Buffer.from(answer.body ?? "", "base64").length).toBeLessThan(file.bytes);
  });

  it.skipIf(!MOUNTS)("no room in /tmp for an upload: 507", async () => {
    await using small = await cloud!.another("api", { tmpBytes: 1e6 });
    const whole = api;
    try {
      api = small;
      const { status, body } = await upload(4_300_000);
      expect([status, body.error.code], small.log()).toEqual([507, "disk_full"]);
    } finally {
      api = whole;
    }
  });

  it("an upload larger than a call may be: 413", async () => {
    const { status, body } = await upload(4_500_000);
    expect([status, body.error.code]).toEqual([413, "body_too_large"]);
  });
});

describe("the model's function", () => {
  const meets = (times: number, status: number, type: string) => {
    for (let left = times; left > 0; left--) cloud!.lambda.faults.push({ status, type });
  };
  beforeEach(() => {
    if (cloud !== undefined) cloud.lambda.faults.length = 0;
  });

  it("throttled for a moment, or for longer", async () => {
    meets(2, 429, "TooManyRequestsException");
    expect((await classify()).status).toBe(200);
    meets(20, 429, "TooManyRequestsException");
    const { status, headers, body } = await classify();
    expect([status, body.error.code, headers.get("x-should-retry")]).toEqual([429, "overloaded", "true"]);
  });

  it("not there, or not allowed", async () => {
    for (const type of ["ResourceNotFoundException", "AccessDeniedException"]) {
      meets(1, type.startsWith("Res") ? 404 : 403, type);
      const { status, body } = await classify();
      expect([status, body.error.code]).toEqual([503, "inference_unavailable"]);
    }
  });

  it("without its layer: 500, by its code", async () => {
    await using broken = await cloud!.another("infer", { layers: await built.otherLayers({}) });
    const { payload } = await broken.invoke(question());
    expect(payload).toMatchObject({ error: { code: "runtime_unusable", kind: "machine" } });
  });

  it("answers 300 texts in pieces, in their order", async () => {
    const texts = Array.from({ length: 300 }, (_, at) =>
      WORDS.slice(at % 5, 1 + (at % 5) + (at % 4)).join(" "),
    );
    const { body } = await call("POST", "/v1/classify", { model: planted.model, input: texts });
    const { body: alone } = await call("POST", "/v1/classify", {
      model: planted.model,
      input: texts.slice(290),
    });
    expect(body.data).toHaveLength(300);
    expect(body.data.slice(290).map(({ score }: { score: number }) => score)).toEqual(
      alone.data.map(({ score }: { score: number }) => score),
    );
    expect(cloud!.lambda.calls.length).toBeGreaterThan(3);
  });
});

const otherArchitecture = process.arch === "x64" ? "arm64" : "x64";
