import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type Feeds, float32, int64, openReferenceSession, type Tensor } from "@kilotune/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backbone } from "../backbone.ts";
import type { GraphSpec } from "../bundle/graphs.ts";
import { packTexts } from "../pack-texts.ts";
import type { placesIn } from "../weight-places.ts";
import { SentenceEncoder } from "./encoder.ts";
import { openGolden } from "./testing.ts";

const PROMPT = Int32Array.of(2, 8, 4, 6, 3);
const TEXT = Int32Array.of(2, 7, 5, 9, 11, 10, 3);

let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(path.join(os.tmpdir(), "kilotune-keys-"));
});
afterAll(() => rm(cache, { recursive: true }));

// Absolute positions, positions behind the padding's, none of a type.
describe.each(["bert", "roberta", "distilbert"])("keys and values of a text in a %s", (family) => {
  let backbone: Backbone;
  let weights: ReadonlyMap<string, Tensor>;
  let places: ReturnType<typeof placesIn>;

  beforeAll(async () => {
    ({ backbone, weights, places } = await openGolden(family, cache));
  });

  const pack = (ids: Int32Array) => packTexts([ids], ids.length, backbone.manifest.pooling);
  const run = async (spec: GraphSpec, feeds: Feeds) => {
    const session = await backbone.open(spec);
    try {
      return await session.run(feeds);
    } finally {
      await session.release();
    }
  };

  /** Both in one sequence: the prompt reads itself alone, the text reads both from a layer on. Hidden states of all. */
  async function prepended(firstLayer: number): Promise<Float32Array> {
    const { config } = backbone.manifest;
    const encoder = new SentenceEncoder("prepended", config, places);
    const { b } = encoder;
    const [ids, positions, types] = ["input_ids", "positions", "token_types"].map((name) =>
      b.input(name, "int64", ["B", "S"]),
    );
    const apart = b.input("apart", "float32", [1, 1, "S", "S"]);
    const prefixed = b.input("prefixed", "float32", [1, 1, "S", "S"]);
    const text = encoder.embed(ids!, positions!, types!);
    const attended = (layer: number) => ({ bias: layer < firstLayer ? apart : prefixed });
    b.output(encoder.layers(encoder.flatten(text), text, { attended }), "tokens");
    const session = openReferenceSession(b.build(), { weights: (name) => weights.get(name) as Tensor });
    const [prompt, own] = [pack(PROMPT), pack(TEXT)];
    const joined = (name: "input_ids" | "positions" | "token_types"): Tensor => {
      const data = [...(prompt[name]!.data as BigInt64Array), ...(own[name]!.data as BigInt64Array)];
      return int64(BigInt64Array.from(data), [1, data.length]);
    };
    const S = PROMPT.length + TEXT.length;
    const mask = (sees: (query: boolean, key: boolean) => boolean) =>
      float32(
        Array.from({ length: S * S }, (_, at) =>
          sees(Math.floor(at / S) < PROMPT.length, at % S < PROMPT.length) ? 0 : -1e9,
        ),
        [1, 1, S, S],
      );
    const { tokens } = await session.run({
      input_ids: joined("input_ids"),
      positions: joined("positions"),
      token_types: joined("token_types"),
      apart: mask((query, key) => query === key),
      prefixed: mask((query, key) => !query || key),
    });
    return (tokens!.data as Float32Array).subarray(PROMPT.length * config.hiddenSize);
  }

  it.each([0, 1])("as a prefix from layer %i are the text itself, put in front", async (firstLayer) => {
    const { pool: _, ...prompt } = pack(PROMPT);
    const { kv } = await run({ kind: "keys", firstLayer }, prompt);
    const { layers, heads, headDim } = backbone.manifest.config;
    expect(kv!.dims).toEqual([1, layers - firstLayer, 2, heads, PROMPT.length, headDim]);

    const { pool, ...text } = pack(TEXT);
    const { hidden } = await run({ kind: "lower", firstLayer }, text);
    const prefix = float32(kv!.data as Float32Array, kv!.dims.slice(1));
    const upper: GraphSpec = { kind: "upper", site: { kind: "kv", firstLayer }, wanted: "tokens" };
    const { tokens } = await run(upper, { hidden: hidden!, mask: text.mask, pool, kv: prefix });

    const expected = await prepended(firstLayer);
    const ours = tokens!.data as Float32Array;
    expect(ours.length).toBe(expected.length);
    for (const [at, value] of ours.entries()) expect(value).toBeCloseTo(expected[at]!, 4);
    // Without the prefix it is another text: the comparison could fail.
    const plain = await run(
      { kind: "upper", site: { kind: "none", firstLayer }, wanted: "tokens" },
      { hidden: hidden!, mask: text.mask, pool },
    );
    expect(
      Math.max(...expected.map((value, at) => Math.abs(value - (plain.tokens!.data[at] as number)))),
    ).toBeGreaterThan(0.01);
  });
});
