import type { FileId, PromptId, TenantId } from "@kilotune/contract";
import type { ImageSource, InferenceCall } from "@kilotune/service";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readEnvironment } from "../../packages/aws/src/environment.ts";
import type { InferAnswer, InferRequest } from "../../packages/aws/src/infer-wire.ts";
import { invokeInference } from "../../packages/aws/src/invoke-inference.ts";
import { type LambdaEndpoint, lambdaEndpoint } from "./lambda-endpoint.ts";
import type { Answer } from "./runtime/runtime.ts";

/** The API's side of `infer`, against Lambda's Invoke on this machine. */

let lambda: LambdaEndpoint;
let asked: InferRequest[];
/** How the function answers; as `lengths` unless told. */
let answer: (request: InferRequest) => Answer | Promise<Answer>;
beforeAll(async () => {
  lambda = await lambdaEndpoint(async (_, event) => {
    asked.push(event as InferRequest);
    return answer(event as InferRequest);
  });
  Object.assign(process.env, {
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_ENDPOINT_URL_LAMBDA: lambda.url,
  });
});
beforeEach(() => {
  asked = [];
  answer = lengths;
  lambda.calls.length = lambda.faults.length = 0;
});
afterAll(() => lambda[Symbol.asyncDispose]());

/** A text's length as its score; as its vector, with a half that isn't exact in decimals. */
function lengths(request: InferRequest): Answer {
  if (!("inputs" in request) || request.task === "estimate") throw new Error("no labels or vectors");
  const inputs = request.inputs.map((input) => (typeof input === "string" ? input : input.text));
  const payload: InferAnswer =
    request.task === "classify"
      ? {
          classified: {
            labels: ["long", "__proto__"],
            rows: inputs.map((text) => ({
              scores: [
                [1, 1 / text.length],
                [0, 0],
              ],
              truncated: false,
            })),
            tokens: inputs.length,
          },
        }
      : {
          embedded: {
            rows: inputs.map((text) => ({
              vector: base64(Float32Array.of(1 / text.length)),
              truncated: false,
            })),
            tokens: inputs.length,
          },
        };
  return { payload };
}

const base64 = (floats: Float32Array) => Buffer.from(floats.buffer).toString("base64");

const inference = (more: Record<string, string> = {}) =>
  invokeInference(
    readEnvironment(
      {
        KILOTUNE_STAGE: "test",
        KILOTUNE_TABLE: "t",
        KILOTUNE_BUCKET: "b",
        KILOTUNE_INFER_FUNCTIONS: '{"tiny":"infer-tiny:live"}',
        ...more,
      },
      ["inferFunctions"],
    ),
  );

const call = (inputs: readonly string[], more: Partial<Omit<InferenceCall, "inputs">> = {}) => ({
  tenant: "tn-aaaaaaaaaaaaaaaa" as TenantId,
  backbone: "tiny",
  promptId: "0".repeat(64) as PromptId,
  inputs,
  signal: new AbortController().signal,
  ...more,
});

it("asks in pieces, of rows and of letters, and puts them together in order, to the last bit", async () => {
  const texts = Array.from({ length: 300 }, (_, at) => "x".repeat(1 + at));
  const { rows, tokens } = await inference().classify(call(texts));
  expect(rows.map(({ score }) => score)).toEqual(texts.map((text) => 1 / text.length));
  expect(rows[0]).toEqual({
    label: "__proto__",
    score: 1,
    scores: [
      { label: "__proto__", score: 1 },
      { label: "long", score: 0 },
    ],
    truncated: false,
  });
  expect([tokens, asked.length]).toEqual([300, 3]);

  asked = [];
  const { rows: vectors } = await inference().embed(
    call(Array.from({ length: 30 }, () => "\u0001".repeat(100_000))),
  );
  expect(vectors.map(({ vector }) => vector[0])).toEqual(Array(30).fill(Math.fround(1e-5)));
  // Each of these letters takes six bytes on the way.
  expect(asked.map((each) => (each as { inputs: string[] }).inputs.length).sort()).toEqual([3, 9, 9, 9]);
});

it("names the tenant where functions are kept apart by it", async () => {
  await inference().classify(call(["x"]));
  await inference({ KILOTUNE_TENANT_ISOLATION: "on" }).classify(call(["x"]));
  expect(lambda.calls).toEqual([
    { name: "infer-tiny:live", tenant: undefined },
    { name: "infer-tiny:live", tenant: "tn-aaaaaaaaaaaaaaaa" },
  ]);
});

it("has a prompt's file judged by the function whose backbone it names, and by no other's word", async () => {
  const { accept } = inference({ KILOTUNE_INFER_FUNCTIONS: '{"a":"infer-a","b":"infer-b"}' });
  const tenant = "tn-aaaaaaaaaaaaaaaa" as TenantId;
  const bytes = Uint8Array.of(1, 2, 255);
  const mismatch = { message: "m", hint: "h", kind: "input", retryable: false, param: "file" } as const;
  const refuse = (code: string): Answer => ({ payload: { error: { ...mismatch, code } } });
  const accepted = { sha256: "0".repeat(64), backbone: "b", task: "detection" } as const;

  answer = () => (asked.length === 1 ? refuse("backbone_mismatch") : { payload: { accepted } });
  expect(await accept(bytes, tenant)).toEqual({ ...accepted, bytes });
  expect(lambda.calls.map(({ name }) => name)).toEqual(["infer-a", "infer-b"]);
  expect(asked[0]).toEqual({ task: "accept", tenant, file: "AQL/" });

  answer = () => refuse("backbone_mismatch");
  await expect(accept(bytes, tenant)).rejects.toMatchObject({ code: "backbone_mismatch", message: "m" });
  asked = [];
  answer = () => refuse("invalid_prompt");
  await expect(accept(bytes, tenant)).rejects.toMatchObject({ code: "invalid_prompt" });
  expect(asked).toHaveLength(1);
});

it("hands an error of the function on, by its code", async () => {
  const error = {
    code: "prompt_too_long",
    message: "m",
    hint: "h",
    kind: "input",
    retryable: false,
    param: "model",
  };
  answer = () => ({ payload: { error } });
  await expect(inference().classify(call(["x"]))).rejects.toMatchObject(error);
  await expect(inference().classify(call(["x"], { backbone: "toString" }))).rejects.toMatchObject({
    code: "model_not_found",
  });
});

it("says that the model is away where its function died, or answered what nobody understands", async () => {
  const answers: Answer[] = [
    { error: { errorType: "Runtime.ExitError", errorMessage: "a text" } },
    { payload: null },
    { payload: { classified: { labels: [], rows: [{ scores: [], truncated: false }], tokens: 0 } } },
    { payload: { embedded: { rows: [], tokens: 0 } } },
  ];
  for (const wrong of answers) {
    answer = () => wrong;
    await expect(inference().classify(call(["x"]))).rejects.toMatchObject({
      code: "inference_unavailable",
      retryable: true,
      message: expect.not.stringContaining("a text"),
    });
  }
});

it("has a batch wait where all instances are busy, until it is told to stop", async () => {
  const busy = (times: number) => {
    for (let left = times; left > 0; left--)
      lambda.faults.push({ status: 429, type: "TooManyRequestsException" });
  };
  // The SDK tries three times, and we again.
  busy(4);
  const { tokens } = await inference().classify(call(["x"], { background: true }));
  expect([tokens, lambda.faults.length]).toEqual([1, 0]);

  busy(1000);
  const stop = new AbortController();
  const waiting = inference().classify(call(["x"], { background: true, signal: stop.signal }));
  setTimeout(() => stop.abort(new Error("told to stop")), 300);
  await expect(waiting).rejects.toThrow();
  expect(lambda.faults.length).toBeGreaterThan(900);
});

describe("images", () => {
  const tenant = "tn-aaaaaaaaaaaaaaaa" as TenantId;
  const ask = (images: readonly ImageSource[]) =>
    inference().images!.segment({
      ...{ tenant, backbone: "tiny", promptId: "0".repeat(64) as PromptId, format: "png" },
      images,
      signal: new AbortController().signal,
    });
  const within = (sizeBytes: number, at: number): ImageSource => ({
    bytes: new Uint8Array(sizeBytes).fill(at),
    sizeBytes,
    param: `images.${at}.image`,
  });
  const asFile = (at: number, sizeBytes: number): ImageSource => ({
    file: `file-${"0".repeat(24)}${10 + at}` as FileId,
    sizeBytes,
    param: `images.${at}.file_id`,
  });
  /** An image's place as its width. */
  const places = (request: InferRequest): Answer => {
    if (!("images" in request)) throw new Error("no images are asked about");
    const segmented = request.images.map(({ param }) => ({
      width: 1 + Number(param.split(".")[1]),
      height: 1,
      classes: [],
      mask: "AA==",
    }));
    return { payload: { segmented } };
  };
  const sizes = () => asked.map((each) => (each as { images: unknown[] }).images.length);

  it("go in pieces that Lambda takes, and come back in order", async () => {
    answer = places;
    const images = [...Array(9)].map((_, at) => within(1_000_000, at));
    const rows = await ask(images);
    expect(rows.map(({ width }) => width)).toEqual(images.map((_, at) => 1 + at));
    expect(sizes().sort()).toEqual([1, 4, 4]);

    asked = [];
    // Files aren't carried: many go in one piece, few where they are large.
    expect(await ask([...Array(40)].map((_, at) => asFile(at, 100)))).toHaveLength(40);
    expect(sizes().sort()).toEqual([16, 16, 8]);
    asked = [];
    await ask([...Array(4)].map((_, at) => asFile(at, 30_000_000)));
    expect(sizes()).toEqual([2, 2]);
    expect(JSON.stringify(asked[0])).not.toContain("sizeBytes");
  });

  it("that are too large to be carried are refused by their place, with what to do", async () => {
    answer = places;
    await expect(ask([within(10, 0), within(4_500_000, 1)])).rejects.toMatchObject({
      code: "image_too_many_bytes",
      param: "images.1.image",
      message: expect.stringContaining("at most 4.4 MB"),
      hint: expect.stringContaining("file_id"),
    });
    expect(asked).toEqual([]);
  });

  it("whose answer is too large are asked for again in halves; one alone is told", async () => {
    const error = {
      ...{ code: "answer_too_large", message: "m", hint: "h" },
      ...({ kind: "input", retryable: false, param: null } as const),
    };
    answer = (request) =>
      "images" in request && request.images.length > 1 ? { payload: { error } } : places(request);
    const rows = await ask([0, 1, 2].map((at) => within(10, at)));
    expect(rows.map(({ width }) => width)).toEqual([1, 2, 3]);
    answer = () => ({ payload: { error } });
    await expect(ask([within(10, 0)])).rejects.toMatchObject({ code: "answer_too_large" });
    // Fewer rows than images: nobody could say whose they are.
    answer = () => ({ payload: { segmented: [] } });
    await expect(ask([within(10, 0)])).rejects.toMatchObject({ code: "inference_unavailable" });
  });
});
