import { describe, expect, it } from "vitest";
import { assemble, type Row } from "./assemble.ts";
import { bucketOf } from "./buckets.ts";
import { type PreparedPrompt, preparePrompt } from "./prepare-prompt.ts";
import { randomPrompt, tinyBackbone } from "./testing.ts";

await using tiny = await tinyBackbone();
const { manifest } = tiny.backbone;
const { layers: L, heads: N, headDim: D, hiddenSize: H } = manifest.config;

const prepare = (...args: [seed: number, shape: Parameters<typeof randomPrompt>[2]]) =>
  preparePrompt(randomPrompt(manifest, ...args), manifest);
const early = prepare(1, { method: "kv", tokens: 3 });
const late = prepare(2, { method: "kv", tokens: 8, firstLayer: 2 });
const softA = prepare(3, { method: "soft", tokens: 2 });
const softB = prepare(4, { method: "soft", tokens: 3 });
const head = prepare(5, { method: "head" });

function row(tokens: number, prompt: PreparedPrompt | undefined): Row {
  const ids = Int32Array.from({ length: tokens }, (_, at) => 4 + at);
  return { ids, truncated: false, prompt, bucket: bucketOf(tokens, prompt) };
}

const BUCKET = { sequence: 8, prefix: 8 };
const numbers = (data: ArrayLike<number | bigint>) => Array.from(data, Number);

describe("assemble", () => {
  it("feeds the block of a single prompt without a copy", () => {
    const feeds = assemble([row(4, early), row(5, early)], BUCKET, manifest);
    expect(feeds.kv!.data).toBe(early.prefix!.block);
    expect(feeds.kv!.dims).toEqual([1, L, 2, N, 8, D]);
    expect(numbers(feeds.kv_index!.data)).toEqual([0, 0]);
    expect(feeds.soft!.dims).toEqual([1, H]);
  });

  it("lays each distinct prefix once and gives the rest a masked one", () => {
    const rows = [row(4, early), row(4, head), row(4, late), row(4, early), row(3, softA)];
    const feeds = assemble(rows, BUCKET, manifest);
    expect(numbers(feeds.kv_index!.data)).toEqual([0, 1, 2, 0, 1]);
    const size = L * 2 * N * 8 * D;
    const kv = feeds.kv!.data as Float32Array;
    expect(kv.subarray(0, size)).toEqual(early.prefix!.block);
    expect(kv.subarray(size, 2 * size).every((value) => value === 0)).toBe(true);
    expect(kv.subarray(2 * size)).toEqual(late.prefix!.block);
    const slots = (tokens: number) => [...Array(tokens).fill(1), ...Array(8 - tokens).fill(0)];
    expect(numbers(feeds.kv_mask!.data)).toEqual(
      [
        [3, 3, 3],
        [0, 0, 0],
        [0, 0, 8],
      ].flatMap((tokens) => tokens.flatMap(slots)),
    );
  });

  it("puts the text behind its soft tokens, its own positions still from 0 (known faults 14 to 16)", () => {
    const feeds = assemble([row(4, softB), row(4, head), row(3, softA)], BUCKET, manifest);
    expect(feeds.soft!.dims).toEqual([6, H]);
    expect((feeds.soft!.data as Float32Array).subarray(0, H).every((value) => value === 0)).toBe(true);
    expect((feeds.soft!.data as Float32Array).subarray(H, 4 * H)).toEqual(softB.soft!.data);
    expect(numbers(feeds.soft_index!.data)).toEqual([
      ...[1, 2, 3, 0, 0, 0, 0, 0],
      ...[0, 0, 0, 0, 0, 0, 0, 0],
      ...[4, 5, 0, 0, 0, 0, 0, 0],
    ]);
    expect(numbers(feeds.input_ids!.data).slice(0, 8)).toEqual([0, 0, 0, 4, 5, 6, 7, 0]);
    expect(numbers(feeds.positions!.data).slice(0, 8)).toEqual([0, 0, 0, 0, 1, 2, 3, 0]);
    expect(numbers(feeds.mask!.data).slice(0, 8)).toEqual([1, 1, 1, 1, 1, 1, 1, 0]);
    expect(numbers(feeds.pool!.data).slice(0, 8)).toEqual([0, 0, 0, 0.25, 0.25, 0.25, 0.25, 0]);
  });

  it("reads as an imported prompt asks: text positions behind the prompt's, the first position or [CLS] pooled (known faults 15 and 16)", () => {
    const first = { pooling: "first_position", textPositions: "after_prompt" } as const;
    const cls = { pooling: "cls_after_prompt", textPositions: "after_prompt" } as const;
    const soft = (reading: typeof first | typeof cls) => prepare(6, { method: "soft", tokens: 3, reading });
    const prefix = prepare(7, { method: "kv", tokens: 5, reading: cls });
    const rows = [row(4, soft(first)), row(4, soft(cls)), row(4, prefix), row(2, early)];
    const feeds = assemble(rows, BUCKET, manifest);
    const at = (name: string, place: number) => numbers(feeds[name]!.data).slice(8 * place, 8 * place + 8);
    expect(at("positions", 0)).toEqual([0, 0, 0, 3, 4, 5, 6, 0]);
    expect(at("positions", 2)).toEqual([5, 6, 7, 8, 0, 0, 0, 0]);
    expect(at("positions", 3)).toEqual([0, 1, 0, 0, 0, 0, 0, 0]);
    expect(at("pool", 0)).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
    expect(at("pool", 1)).toEqual([0, 0, 0, 1, 0, 0, 0, 0]);
    expect(at("pool", 2)).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
    expect(at("pool", 3)).toEqual([0.5, 0.5, 0, 0, 0, 0, 0, 0]);
  });

  // transformers#5611: text beyond 512 positions was an index error; a manifest may ask for that.
  it("never lets a text run out of positions, whatever the manifest says", () => {
    const reading = { pooling: "cls_after_prompt", textPositions: "after_prompt" } as const;
    const { maxPositions } = manifest.config;
    const greedy = prepare(8, { method: "kv", tokens: 20, reading, maxTokens: maxPositions });
    expect(greedy.maxTokens).toBe(maxPositions - 20);
    const few = { ...manifest, config: { ...manifest.config, maxPositions: 21 } };
    expect(() =>
      preparePrompt(randomPrompt(manifest, 8, { method: "kv", tokens: 20, reading }), few),
    ).toThrow("at most 19 tokens, saw 20");
    expect(prepare(9, { method: "kv", tokens: 20, maxTokens: maxPositions }).maxTokens).toBe(maxPositions);
  });

  // OpenDelta#3: token types were not extended by the prompt's length.
  it("gives soft tokens and text one length in every feed", () => {
    const feeds = assemble([row(4, softB), row(4, head)], BUCKET, manifest);
    for (const name of ["input_ids", "positions", "token_types", "mask", "pool", "soft_index"]) {
      expect(feeds[name]!.dims).toEqual([2, 8]);
    }
    expect(numbers(feeds.token_types!.data).every((type) => type === 0)).toBe(true);
  });

  it("feeds the plain backbone a prefix of no slots", () => {
    const feeds = assemble([row(4, undefined)], { sequence: 8, prefix: 0 }, manifest);
    expect(feeds.kv!.dims).toEqual([1, L, 2, N, 0, D]);
    expect(feeds.kv_mask!.dims).toEqual([1, L, 0]);
  });
});
