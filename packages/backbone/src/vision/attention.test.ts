import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Feeds, readSafetensors, type Tensor } from "@kilotune/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WEIGHTS_FILE } from "../bundle/folder.ts";
import type { VisionBackbone } from "./backbone.ts";
import type { LookedAt } from "./attention.ts";
import { buildVisionBundle } from "./build.ts";
import type { VisionSpec } from "./graphs.ts";
import { openVisionBundle } from "./open.ts";

/** The random ViT of goldens/make.py: 3 layers, H = 16, 2 heads of 8; 2 images; prompts of 2 tokens, LoRA of rank 3. */
const GOLDENS = fileURLToPath(new URL("./goldens/vit/", import.meta.url));
const [LAYERS, H, N, D] = [3, 16, 2, 8];

let folder: string;
let backbone: VisionBackbone;
let weights: ReadonlyMap<string, Tensor>;
let given: ReadonlyMap<string, Tensor>;
let wanted: ReadonlyMap<string, Tensor>;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-attention-"));
  await buildVisionBundle(GOLDENS, folder, { id: "vit", licence: "MIT", imageSize: [12, 12] });
  backbone = (await openVisionBundle(folder, { threads: 1 })) as VisionBackbone;
  [weights, given, wanted] = (await Promise.all(
    [
      path.join(folder, WEIGHTS_FILE),
      path.join(GOLDENS, "given.safetensors"),
      path.join(GOLDENS, "wanted.safetensors"),
    ].map(async (file) => readSafetensors(await readFile(file)).tensors),
  )) as [typeof weights, typeof given, typeof wanted];
});
afterAll(() => rm(folder, { recursive: true }));

const CASES: readonly [name: string, site: LookedAt, layers: readonly number[]][] = [
  ["kv-0", { kind: "kv", firstLayer: 0 }, [0, 1, 2]],
  ["kv-2", { kind: "kv", firstLayer: 2 }, [2]],
  ["soft", { kind: "soft" }, [0, 2]],
  ["none", { kind: "none", firstLayer: 2 }, [1, 2]],
  ["lora-1", { kind: "lora", firstLayer: 1 }, [1, 2]],
];

describe("the weights of attention", () => {
  it.each(CASES)("of %s are those that plain loops find, and sum to one", async (name, site, layers) => {
    const prompt = given.get(name);
    const feeds = { pixels: given.get("pixels")!, ...(prompt && { [site.kind]: prompt }) };
    const results = await run({ kind: "attention", site, layers }, feeds);
    const isPrompt = site.kind === "kv" || site.kind === "soft";
    const seen = results[isPrompt ? "prompt" : "class"]!;
    const S = 10;
    expect(seen.dims).toEqual(isPrompt ? [2, layers.length, S, 3] : [2, layers.length, S]);
    const rowLength = isPrompt ? 3 : S;
    for (let at = 0; at < seen.data.length; at += rowLength)
      expect(sum(numbersOf(seen).slice(at, at + rowLength))).toBeCloseTo(1, 5);

    const { hidden } = await run({ kind: "lower", site: { kind: "soft" } }, { pixels: given.get("pixels")! });
    const expected = numbersOf(hidden!).length / 2;
    const reference = [0, 1].map((image) =>
      plainAttention(
        chunk(numbersOf(hidden!).slice(image * expected, (image + 1) * expected), H),
        site,
        prompt,
      ),
    );
    // The loops are the model itself: their class tokens are PyTorch's.
    const cls = wanted.get(name === "none" ? "plain/cls" : `${name}/cls`);
    if (cls !== undefined && !given.has(`${name}/dropout.prompt`))
      near(
        reference.flatMap(({ cls: own }) => own),
        numbersOf(cls),
      );
    near(
      numbersOf(seen),
      reference.flatMap(({ attention }) =>
        layers.flatMap((layer) => {
          const mean = attention[layer]!;
          if (!isPrompt) return mean[0]!;
          const places = site.kind === "soft" ? [S, S + 1] : [0, 1];
          return mean.slice(0, S).flatMap((row) => {
            const toPrompt = places.map((at) => row[at]!);
            return [...toPrompt, sum(row) - sum(toPrompt)];
          });
        }),
      ),
    );
  });

  it.each([
    [{ kind: "kv", firstLayer: 1 }, [0, 1]],
    [{ kind: "kv", firstLayer: 0 }, []],
    [{ kind: "soft" }, [2, 1]],
    [{ kind: "soft" }, [3]],
  ] as [LookedAt, number[]][])("of %j in the layers %j are refused", async (site, layers) => {
    await expect(backbone.open({ kind: "attention", site, layers })).rejects.toMatchObject({
      code: "bad_site",
    });
  });
});

async function run(spec: VisionSpec, feeds: Feeds): Promise<Record<string, Tensor>> {
  const session = await backbone.open(spec);
  const results = await session.run(feeds);
  await session.release();
  return results;
}

/** One image through the layers: the mean attention of each, [queries][keys], prefix in front, and the class token. */
function plainAttention(image: number[][], site: LookedAt, prompt: Tensor | undefined) {
  const data = prompt && numbersOf(prompt);
  let x = site.kind === "soft" ? [...image, ...chunk(data!, H)] : image;
  const attention: number[][][] = [];
  for (let layer = 0; layer < LAYERS; layer++) {
    const normed = x.map((row) => norm(row, `layer.${layer}.norm1`));
    const project = (part: string) => normed.map((row) => linear(row, `layer.${layer}.attention.${part}`));
    let [query, key, value] = [project("query"), project("key"), project("value")];
    const at = layer - ("firstLayer" in site ? site.firstLayer : 0);
    if (site.kind === "lora" && at >= 0) {
      const factors = chunk(chunk(data!, H).flat(), 3 * H)
        .slice(4 * at, 4 * at + 4)
        .map((each) => chunk(each, H));
      const added = (row: number[], down: number[][], up: number[][]) => {
        const narrow = down.map((each) => dot(each, row));
        return row.map((_, h) => sum(narrow.map((r, rank) => r * up[rank]![h]!)));
      };
      query = query.map((row, t) => plus(row, added(normed[t]!, factors[0]!, factors[1]!)));
      value = value.map((row, t) => plus(row, added(normed[t]!, factors[2]!, factors[3]!)));
    }
    const heads = Array.from({ length: N }, (_, head) => {
      const of = (rows: number[][]) => rows.map((row) => row.slice(head * D, (head + 1) * D));
      const prefix = (which: 0 | 1) =>
        site.kind === "kv" && at >= 0
          ? chunk(data!, D)
              .slice(((at * 2 + which) * N + head) * 2)
              .slice(0, 2)
          : [];
      const [keys, values] = [
        [...prefix(0), ...of(key)],
        [...prefix(1), ...of(value)],
      ];
      const looked = of(query).map((q) => softmax(keys.map((k) => dot(q, k) / Math.sqrt(D))));
      const context = looked.map((row) =>
        Array.from({ length: D }, (_, d) => sum(row.map((w, j) => w * values[j]![d]!))),
      );
      return { looked, context };
    });
    attention.push(heads[0]!.looked.map((row, q) => row.map((w, k) => (w + heads[1]!.looked[q]![k]!) / 2)));
    x = x.map((row, t) => {
      const joined = linear(
        heads.flatMap(({ context }) => context[t]!),
        `layer.${layer}.attention.output`,
      );
      const middle = plus(row, joined);
      const wide = linear(norm(middle, `layer.${layer}.norm2`), `layer.${layer}.intermediate`).map(gelu);
      return plus(middle, linear(wide, `layer.${layer}.output`));
    });
  }
  return { attention, cls: norm(x[0]!, "norm") };
}

function weight(name: string): number[] {
  return numbersOf(weights.get(name)!);
}

function linear(x: number[], name: string): number[] {
  const bias = weight(`${name}.bias`);
  return chunk(weight(`${name}.weight`), x.length).map((row, at) => dot(row, x) + bias[at]!);
}

function norm(x: number[], name: string): number[] {
  const mean = sum(x) / x.length;
  const spread = Math.sqrt(
    sum(x.map((each) => (each - mean) ** 2)) / x.length + backbone.manifest.config.layerNormEpsilon,
  );
  const [scale, shift] = [weight(`${name}.weight`), weight(`${name}.bias`)];
  return x.map((each, at) => ((each - mean) / spread) * scale[at]! + shift[at]!);
}

/** x / 2 (1 + erf(x / sqrt 2)), erf by its series: inputs of this model are small. */
function gelu(x: number): number {
  const z = x / Math.SQRT2;
  let [term, erf] = [z, z];
  for (let n = 1; n < 60; n++) {
    term *= -(z * z) / n;
    erf += term / (2 * n + 1);
  }
  return (x / 2) * (1 + (2 / Math.sqrt(Math.PI)) * erf);
}

function softmax(x: number[]): number[] {
  const most = Math.max(...x);
  const powers = x.map((each) => Math.exp(each - most));
  return powers.map((each) => each / sum(powers));
}

function near(ours: number[], theirs: number[]): void {
  expect(ours.length).toBe(theirs.length);
  expect(Math.max(...ours.map((value, at) => Math.abs(value - theirs[at]!)))).toBeLessThan(2e-5);
}

function dot(a: number[], b: number[]): number {
  return sum(a.map((x, at) => x * b[at]!));
}

function plus(a: number[], b: number[]): number[] {
  return a.map((x, at) => x + b[at]!);
}

function sum(x: readonly number[]): number {
  return x.reduce((a, b) => a + b, 0);
}

function chunk(x: number[], size: number): number[][] {
  return Array.from({ length: x.length / size }, (_, at) => x.slice(at * size, (at + 1) * size));
}

function numbersOf({ data }: Tensor): number[] {
  return Array.from(data, Number);
}
