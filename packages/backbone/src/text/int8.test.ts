import { mkdtemp, rm, stat } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Feeds, float32, int64, type Session, type Tensor } from "@kilotune/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backbone } from "../backbone.ts";
import type { GraphSpec, TunedSite } from "../bundle/graphs.ts";
import { loadBackbone } from "../load.ts";
import { packTexts } from "../pack-texts.ts";
import { cutOf } from "./graph.ts";
import { randomNumbers, tinyBackbone, type TinyBackbone } from "../testing.ts";

const WORDS = Array.from({ length: 400 }, (_, at) => `w${at}`);
const [H, N, D, L, I] = [32, 4, 8, 3, 64];

let plain: TinyBackbone;
let rounded: TinyBackbone;

beforeAll(async () => {
  plain = await tinyBackbone({ words: WORDS, layers: L });
  rounded = await tinyBackbone({ words: WORDS, layers: L, precision: "int8" });
});
afterAll(async () => {
  await plain[Symbol.asyncDispose]();
  await rounded[Symbol.asyncDispose]();
});

const draw = randomNumbers(7);
const numbers = (dims: readonly number[], size = 1) =>
  float32(
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => size * (2 * draw() - 1)),
    dims,
  );

/** Texts of 3 to 9 tokens, padded to 9. */
const ROWS = Array.from({ length: 7 }, (_, row) =>
  Int32Array.from({ length: 3 + row }, (_, at) => (at === 0 ? 2 : 4 + Math.floor(400 * draw()))),
);
const PADDED = 9;

it("is the same backbone to a prompt, by its identity, and says that it is rounded", async () => {
  const [a, b] = [plain.backbone.manifest, rounded.backbone.manifest];
  expect([a.precision, b.precision]).toEqual(["fp32", "int8"]);
  expect(b.identity).toEqual(a.identity);
  expect([a.storedSha256, b.storedSha256]).toEqual([undefined, expect.stringMatching(/^[0-9a-f]{64}$/)]);
  const { size } = await stat(path.join(rounded.bundle, "weights.safetensors"));
  expect(size).toBe(b.weightsBytes);
  expect(a.weightsBytes / b.weightsBytes).toBeGreaterThan(2.5);
});

describe("serving", () => {
  /** Rows that name prefixes of a table by index: none, late (zeros masked below), on all layers. */
  const kv = numbers([3, L, 2, N, 4, D]);
  const kvMask = float32(
    [0, 1, 2].flatMap((prompt) =>
      Array.from({ length: L * 4 }, (_, at) => Number(at >= [12, 4, 0][prompt]!)),
    ),
    [3, L, 4],
  );
  const soft = numbers([1, H]);
  const feedsOf = (rows: readonly number[]): Feeds => ({
    ...packTexts(
      rows.map((row) => ROWS[row] as Int32Array),
      PADDED,
      "mean",
    ),
    soft,
    soft_index: int64(new BigInt64Array(rows.length * PADDED), [rows.length, PADDED]),
    kv,
    kv_mask: kvMask,
    kv_index: int64(
      rows.map((row) => row % 3),
      [rows.length],
    ),
  });

  it("is near the plain numbers, and a row's own to the bit, alone and in any company (known faults 32 and 33)", async () => {
    const [exact, session] = [
      await plain.backbone.open({ kind: "serve" }),
      await rounded.backbone.open({ kind: "serve" }),
    ];
    const all = ROWS.map((_, row) => row);
    const together = (await session.run(feedsOf(all))).embedding as Tensor;
    const wanted = (await exact.run(feedsOf(all))).embedding as Tensor;
    for (const row of all) expect(cosine(rowOf(together, row), rowOf(wanted, row))).toBeGreaterThan(0.99);
    for (const company of [...all.map((row) => [row]), [6, 2, 0], [5, 1, 1, 4]]) {
      const { embedding } = await session.run(feedsOf(company));
      for (const [at, row] of company.entries())
        expect(rowOf(embedding as Tensor, at)).toEqual(rowOf(together, row));
    }
    await Promise.all([exact.release(), session.release()]);
  });
});

it.each(["roberta", "xlm-roberta", "distilbert", "mpnet", "modernbert"])(
  "%s: vectors are near the plain ones",
  async (family) => {
    const cache = await mkdtemp(path.join(os.tmpdir(), "kilotune-int8-"));
    try {
      const folder = fileURLToPath(new URL(`goldens/${family}`, import.meta.url));
      const hub = "http://127.0.0.1:9"; // nobody listens there, and nothing has to be fetched
      const texts = ["a", "b c", "d e f g h i j k", "Where is my parcel?"];
      const vectors = await Promise.all(
        (["fp32", "int8"] as const).map(async (precision) => {
          const backbone = await loadBackbone(folder, { cache, hub, threads: 1, precision });
          const ids = texts.map((text) => backbone.tokenizer.encode(text).ids);
          const packed = packTexts(ids, Math.max(...ids.map(({ length }) => length)), "mean");
          const { hidden } = await once(backbone, { kind: "lower", firstLayer: 1 }, packed);
          const feeds = { ...packed, hidden: hidden as Tensor };
          const { embedding } = await once(
            backbone,
            { kind: "upper", site: { kind: "none", firstLayer: 1 } },
            feeds,
          );
          return embedding as Tensor;
        }),
      );
      const [plainVectors, roundedVectors] = vectors as [Tensor, Tensor];
      for (const row of texts.keys()) {
        const near = cosine(rowOf(plainVectors, row), rowOf(roundedVectors, row));
        expect(near).toBeGreaterThan(0.99);
        // Rounded it is: the very same numbers would mean that nothing was.
        expect(near).toBeLessThan(0.999_999_9);
      }
    } finally {
      await rm(cache, { recursive: true });
    }
  },
);

describe("tuning", () => {
  const SITES: [name: string, site: TunedSite, prompt: Tensor][] = [
    ["kv from layer 1", { kind: "kv", firstLayer: 1 }, numbers([L - 1, 2, N, 4, D])],
    ["kv on all layers", { kind: "kv", firstLayer: 0 }, numbers([L, 2, N, 4, D])],
    ["soft", { kind: "soft" }, numbers([4, H])],
    ["lora", { kind: "lora", firstLayer: 1 }, numbers([L - 1, 2, 2, 4, H], 0.3)],
    ["biases", { kind: "biases", firstLayer: 1 }, numbers([(L - 1) * (3 * H + I) + H], 0.3)],
  ];
  const head = {
    prototypes: numbers([5, H]),
    scale: float32([10], []),
    targets: float32(
      ROWS.flatMap((_, row) => Array.from({ length: 5 }, (_, label) => Number(label === row % 5))),
      [ROWS.length, 5],
    ),
    weights: float32(
      ROWS.map(() => 1 / ROWS.length),
      [ROWS.length],
    ),
  };

  it.each(SITES)(
    "%s: gradients are near the plain ones, the loss is that of what serves",
    async (_, site, prompt) => {
      const step = async (backbone: Backbone): Promise<Record<string, Tensor>> => {
        const packed = packTexts(ROWS, PADDED, "mean");
        const firstLayer = site.kind === "soft" ? 0 : site.firstLayer;
        const lower = { kind: "lower", firstLayer, cut: cutOf(site) } as const;
        const { hidden } = await once(backbone, lower, packed);
        const feeds = {
          hidden: hidden as Tensor,
          mask: packed.mask!,
          pool: packed.pool!,
          [site.kind]: prompt,
        };
        const { embedding } = await once(backbone, { kind: "upper", site }, feeds);
        const spec = { kind: "tune", site, dropout: false } as const;
        return { ...(embedding && { embedding }), ...(await once(backbone, spec, { ...feeds, ...head })) };
      };
      const [wanted, seen] = [await step(plain.backbone), await step(rounded.backbone)];
      for (const name of [`grad.${site.kind}`, "grad.prototypes"])
        expect(cosine(seen[name]?.data, wanted[name]?.data)).toBeGreaterThan(0.97);
      expect(seen.loss?.data[0]).toBeCloseTo(lossOf(seen.embedding as Tensor), 4);
    },
  );

  /** Mean cross-entropy of cosines with the prototypes. */
  function lossOf(embedding: Tensor): number {
    const losses = ROWS.map((_, row) => {
      const logits = Array.from(
        { length: 5 },
        (_, label) => 10 * cosine(rowOf(embedding, row), rowOf(head.prototypes, label)),
      );
      const total = Math.log(logits.reduce((sum, each) => sum + Math.exp(each), 0));
      return total - (logits[row % 5] as number);
    });
    return losses.reduce((a, b) => a + b, 0) / ROWS.length;
  }
});

async function once(backbone: Backbone, spec: GraphSpec, feeds: Feeds): Promise<Record<string, Tensor>> {
  const session: Session = await backbone.open(spec);
  const given = Object.fromEntries(session.inputNames.map((name) => [name, feeds[name] as Tensor]));
  return session.run(given).finally(() => session.release());
}

function rowOf({ data, dims }: Tensor, row: number): Float32Array {
  const width = dims.at(-1) as number;
  return (data as Float32Array).slice(row * width, (row + 1) * width);
}

function cosine(
  a: ArrayLike<number | bigint> | undefined,
  b: ArrayLike<number | bigint> | undefined,
): number {
  const [x, y] = [Array.from(a ?? [], Number), Array.from(b ?? [], Number)];
  const dot = (u: number[], v: number[]) => u.reduce((sum, each, at) => sum + each * (v[at] as number), 0);
  return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
}
