import { type Backbone, packTexts } from "@kilotune/backbone";
import { type TinyBackbone, tinyBackbone } from "@kilotune/backbone/testing";
import { prng } from "@kilotune/dataset";
import { float32, type Tensor } from "@kilotune/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deepPrefix } from "../deep-prefix.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../checkpoint.ts";
import { type RunOptions, runTuning } from "../run-tuning.ts";
import { SETTINGS, toyData, toyTexts, WORDS } from "../testing.ts";
import { textClassification } from "./classification.ts";
import { startFromTexts, type TextStart } from "./prompt-start.ts";

const H = 32;
const SOFT = { ...SETTINGS, method: "soft", tokens: 5, firstLayer: 0 } as const;
const DEEP = { ...SETTINGS, method: "deep", tokens: 2, firstLayer: 0 } as const;
const KV = { ...SETTINGS, method: "kv", tokens: 2, firstLayer: 1 } as const;

let tiny: TinyBackbone;
let backbone: Backbone;
beforeAll(async () => {
  tiny = await tinyBackbone({ words: WORDS });
  backbone = tiny.backbone;
});
afterAll(() => tiny[Symbol.asyncDispose]());

const start = async (settings: typeof SOFT | typeof KV | typeof DEEP, from: TextStart, seed = 1) =>
  startFromTexts(backbone, settings, from)(prng(seed, "prompt"));
const idsOf = (text: string) => backbone.tokenizer.encode(text).ids;

/** What a graph makes of one text. */
async function read(graph: "lower" | "keys", firstLayer: number, text: string): Promise<Float32Array> {
  const ids = idsOf(text);
  const session = await backbone.open({ kind: graph, firstLayer });
  const { pool: _, ...feeds } = packTexts([ids], ids.length, "mean");
  const results = await session.run(feeds);
  await session.release();
  return (results[graph === "keys" ? "kv" : "hidden"] as Tensor).data as Float32Array;
}

const token = (values: Float32Array, at: number) => [...values.subarray(at * H, (at + 1) * H)];

describe("a soft prompt", () => {
  it("from a text is the embeddings of its tokens, which go round; special tokens are none", async () => {
    const values = await start(SOFT, { kind: "text", text: "card stolen now" });
    const embeddings = await read("lower", 0, "card stolen now");
    expect(values).toHaveLength(5 * H);
    [0, 1, 2, 0, 1].forEach((own, at) => {
      expect(token(values, at)).toEqual(token(embeddings, 1 + own));
    });
  });

  it("from a text that is longer than it is its first tokens", async () => {
    const long = "card stolen bank refund money paid parcel late";
    const values = await start(SOFT, { kind: "text", text: long });
    expect(values).toEqual((await read("lower", 0, long)).slice(H, 6 * H));
  });

  it("from groups is the mean of each one's tokens", async () => {
    const groups = [[idsOf("card stolen"), idsOf("bank")], [idsOf("refund")]];
    const values = await start(SOFT, { kind: "groups", groups });
    const [pair, single] = [await read("lower", 0, "card stolen"), await read("lower", 0, "bank")];
    const mean = token(pair, 1).map((value, h) => (value + token(pair, 2)[h]! + token(single, 1)[h]!) / 3);
    for (const [h, value] of token(values, 0).entries()) expect(value).toBeCloseTo(mean[h]!, 6);
    expect(token(values, 1)).toEqual(token(await read("lower", 0, "refund"), 1));
    expect(token(values, 4)).toEqual(token(values, 0));
  });

  it("from more groups than it has tokens is some of them, by the seed, in their order", async () => {
    const words = "card stolen bank refund money paid parcel late".split(" ");
    const groups = words.map((word) => [idsOf(word)]);
    const drawn = async (seed: number) => {
      const values = await start(SOFT, { kind: "groups", groups }, seed);
      const each = await Promise.all(words.map((word) => read("lower", 0, word)));
      return Array.from({ length: 5 }, (_, at) =>
        each.findIndex((one) => token(one, 1).every((value, h) => value === token(values, at)[h])),
      );
    };
    const first = await drawn(1);
    expect(new Set(first).size).toBe(5);
    expect(first).toEqual([...first].sort((a, b) => a - b));
    expect(first).not.toContain(-1);
    expect(await drawn(2)).not.toEqual(first);
  });

  it("from the vocabulary is embeddings of drawn tokens, the same by the same seed", async () => {
    const values = await start(SOFT, { kind: "vocabulary" });
    expect(await start(SOFT, { kind: "vocabulary" })).toEqual(values);
    expect(await start(SOFT, { kind: "vocabulary" }, 2)).not.toEqual(values);
    expect(new Set(Array.from({ length: 5 }, (_, at) => token(values, at).join())).size).toBe(5);
    const known = await Promise.all(WORDS.map((word) => read("lower", 0, `${word} `.repeat(5))));
    // Of each word at each place: [UNK] and padding are no words of the list.
    const found = Array.from({ length: 5 }, (_, at) =>
      known.some((each) => token(each, 1 + at).join() === token(values, at).join()),
    );
    expect(found.filter(Boolean).length).toBeGreaterThanOrEqual(4);
  });
});

describe("a prefix", () => {
  const dims = { layers: 1, heads: 4, D: 8, P: 2 };

  it("from a text is the keys and values of its tokens", async () => {
    const values = await start(KV, { kind: "text", text: "card stolen" });
    const keys = await read("keys", 1, "card stolen");
    const { layers, heads, D, P } = dims;
    expect(values).toHaveLength(layers * 2 * heads * P * D);
    for (let block = 0; block < layers * 2 * heads; block++)
      for (let p = 0; p < P; p++)
        expect(values.subarray((block * P + p) * D, (block * P + p + 1) * D)).toEqual(
          keys.subarray((block * 4 + 1 + p) * D, (block * 4 + 2 + p) * D),
        );
  });

  it("from groups is their means", async () => {
    const values = await start(KV, { kind: "groups", groups: [[idsOf("card stolen")], [idsOf("bank")]] });
    const [pair, single] = [await read("keys", 1, "card stolen"), await read("keys", 1, "bank")];
    const { heads, D, P } = dims;
    for (let block = 0; block < 2 * heads; block++)
      for (let d = 0; d < D; d++) {
        const at = (position: number) => pair[(block * 4 + position) * D + d] as number;
        expect(values[block * P * D + d]).toBeCloseTo((at(1) + at(2)) / 2, 6);
        expect(values[(block * P + 1) * D + d]).toBe(single[(block * 3 + 1) * D + d]);
      }
  });
});

it("deep prompts from a text become the keys and values of its tokens", async () => {
  const deep = await start(DEEP, { kind: "text", text: "card stolen" });
  expect(deep).toHaveLength(2 * 2 * H);
  expect(deep.subarray(0, 2 * H)).toEqual((await read("lower", 0, "card stolen")).slice(H, 3 * H));
  const { data } = await deepPrefix(backbone, 0, deep);
  const kv = await start({ ...KV, firstLayer: 0 } as unknown as typeof KV, {
    kind: "text",
    text: "card stolen",
  });
  for (const [at, value] of kv.entries()) expect(data[at]).toBeCloseTo(value, 5);
});

it.each<[string, () => unknown, string]>([
  ["a text without a token", () => start(SOFT, { kind: "text", text: " \n" }), "at least one token"],
  ["groups without words", () => start(KV, { kind: "groups", groups: [[idsOf("")]] }), "words to start from"],
  [
    "low-rank products, which stand for no token",
    async () => startFromTexts(backbone, { ...SETTINGS, method: "lora" }, { kind: "vocabulary" }),
    "saw lora",
  ],
])("%s: refused", async (_, attempt, words) => {
  await expect(attempt()).rejects.toMatchObject({
    code: "bad_init",
    message: expect.stringContaining(words),
  });
});

it("is where a run begins, and isn't asked for again by one that goes on", async () => {
  const lower = await backbone.open({ kind: "lower", firstLayer: 1 });
  const plain = await backbone.open({ kind: "upper", site: { kind: "none", firstLayer: 1 } });
  const { data, prototypes } = await toyData(backbone, lower, plain, toyTexts(4));
  const task = textClassification(backbone, KV, data, prototypes);
  const doubled = prototypes.map((value) => 2 * value);
  let asked = 0;
  const begin: NonNullable<RunOptions["start"]> = async (random) => {
    asked++;
    const prompt = await startFromTexts(backbone, KV, { kind: "text", text: "card stolen" })(random);
    return { prompt, head: { prototypes: float32(doubled, [3, H]) } };
  };
  const wanted = await start(KV, { kind: "text", text: "card stolen" });
  const untrained = await runTuning({ settings: { ...KV, epochs: 0 }, task, start: begin });
  expect(untrained.prompt).toEqual(wanted);
  expect(untrained.head.prototypes).toEqual(doubled);

  const files: Uint8Array[] = [];
  const save = async (checkpoint: Parameters<typeof encodeCheckpoint>[0]) =>
    void files.push(encodeCheckpoint(checkpoint, "job"));
  const saving = { load: async () => undefined, save };
  const whole = await runTuning({ settings: KV, task, start: begin, checkpoint: saving });
  expect(whole.prompt).not.toEqual(wanted);
  expect(asked).toBe(2);
  const going = { load: async () => decodeCheckpoint(files[0]!, "job"), save: async () => {} };
  expect(await runTuning({ settings: KV, task, start: begin, checkpoint: going })).toEqual(whole);
  expect(asked).toBe(2);
  await Promise.all([lower.release(), plain.release()]);
});
