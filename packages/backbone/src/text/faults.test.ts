import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import {
  float32,
  int64,
  readSafetensors,
  type Session,
  type Tensor,
  writeSafetensors,
} from "@kilotune/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backbone } from "../backbone.ts";
import { loadBackbone } from "../load.ts";
import { packTexts } from "../pack-texts.ts";
import { randomNumbers } from "../testing.ts";

/** Faults of other systems, each of every family of texts. Random checkpoints of 40 positions, H = 16, 2 heads. */

let cache: string;

beforeAll(async () => {
  cache = await mkdtemp(path.join(os.tmpdir(), "kilotune-faults-"));
});

afterAll(() => rm(cache, { recursive: true }));

const load = (folder: string) => loadBackbone(folder, { cache, hub: "http://127.0.0.1:9", threads: 1 });
const golden = (name: string) => fileURLToPath(new URL(`goldens/${name}`, import.meta.url));

describe.each(["bert", "roberta", "xlm-roberta", "distilbert", "mpnet", "modernbert"])("%s", (name) => {
  let backbone: Backbone;
  let session: Session;

  beforeAll(async () => {
    backbone = await load(golden(name));
    session = await backbone.open({ kind: "serve" });
  });

  afterAll(() => session.release());

  /** Unit vectors of rows that are padded to `length`, each behind its own prefix on all layers. */
  async function vectors(
    rows: readonly Int32Array[],
    length: number,
    prefixes: readonly Float32Array[] = [],
  ) {
    const { layers: L, heads: N, headDim: D, hiddenSize: H } = backbone.manifest.config;
    const tokens = prefixes.map((kv) => kv.length / (L * 2 * N * D));
    const P = Math.max(1, ...tokens);
    const kv = new Float32Array(rows.length * L * 2 * N * P * D);
    const mask = new Float32Array(rows.length * L * P);
    prefixes.forEach((own, row) => {
      const count = tokens[row] as number;
      for (let part = 0; part < L * 2 * N; part++)
        kv.set(own.subarray(part * count * D, (part + 1) * count * D), (row * L * 2 * N + part) * P * D);
      for (let layer = 0; layer < L; layer++)
        mask.fill(1, (row * L + layer) * P, (row * L + layer) * P + count);
    });
    const { embedding } = await session.run({
      ...packTexts(rows, length, backbone.manifest.pooling),
      soft: float32(new Float32Array(H), [1, H]),
      soft_index: int64(new BigInt64Array(rows.length * length), [rows.length, length]),
      kv: float32(kv, [rows.length, L, 2, N, P, D]),
      kv_mask: float32(mask, [rows.length, L, P]),
      kv_index: int64(
        BigInt64Array.from(rows, (_, row) => BigInt(row)),
        [rows.length],
      ),
    });
    const data = embedding?.data as Float32Array;
    return rows.map((_, row) => data.subarray(row * H, (row + 1) * H));
  }

  const short = () => backbone.tokenizer.encode("my card").ids;
  const long = () => backbone.tokenizer.encode("where is my new card, it has not come at all").ids;

  // ReProver#34: the mask wasn't passed on, and padding changed the vector. sentence-transformers#3879: positions of RoBERTa
  // were off by two where rows stood close together.
  it("padding to 16, 64 and 256, or beside a longer row, changes nothing", async () => {
    const ids = short();
    const [alone] = await vectors([ids], ids.length);
    const others = long();
    const [beside] = await vectors([ids, others], Math.max(ids.length, others.length));
    expect(cosine(alone, beside)).toBeGreaterThan(0.999999);
    for (const length of [16, 64, 256]) {
      const [padded] = await vectors([ids], length);
      expect(cosine(alone, padded)).toBeGreaterThan(0.999999);
    }
  });

  // NeMo Speech#3309: all prompts of a batch had to be of one length.
  it("prompts of 5, 20 and 50 tokens and none in one batch: each as alone", async () => {
    const { layers, heads, headDim } = backbone.manifest.config;
    const random = randomNumbers(3);
    const draw = (tokens: number) =>
      Float32Array.from({ length: layers * 2 * heads * tokens * headDim }, () => 2 * random() - 1);
    const prefixes = [5, 20, 50, 0].map(draw);
    const rows = [short(), long(), short(), long()];
    const length = Math.max(...rows.map((row) => row.length));
    const together = await vectors(rows, length, prefixes);
    for (const [at, row] of rows.entries()) {
      const [alone] = await vectors([row], row.length, [prefixes[at] as Float32Array]);
      expect(cosine(alone, together[at])).toBeGreaterThan(0.999999);
    }
    expect(cosine(together[0], together[2])).toBeLessThan(0.9999);
  });

  // transformers#5611, #2371: a text beyond the positions was an error of an index.
  it("texts of as many tokens as there are positions, one less, one more", async () => {
    const { tokenizer, manifest } = backbone;
    expect(manifest.maxTokens).toBe(40);
    const word = "a";
    const frame = tokenizer.encode("").tokens;
    for (const tokens of [39, 40, 41]) {
      let text = word;
      while (tokenizer.encode(text).tokens < tokens) text += ` ${word}`;
      const { ids, truncated, tokens: all } = tokenizer.encode(text);
      // A tokenizer may have two tokens for a word.
      expect(truncated).toBe(all > 40);
      expect(ids.length).toBe(Math.min(all, 40));
      expect(ids.length).toBeGreaterThan(frame);
      const [vector] = await vectors([ids], ids.length);
      expect(vector?.every(Number.isFinite)).toBe(true);
    }
  });
});

// OpenDelta#3: a prompt made the text longer and its token types not.
it("token types stay with their text behind a soft prompt", () => {
  const place = { start: 3, typeIds: [0, 0, 1, 1] };
  const { token_types, positions } = packTexts([Int32Array.of(2, 7, 8, 3)], 8, "mean", [place]);
  expect([...(token_types as Tensor).data].map(Number)).toEqual([0, 0, 0, 0, 0, 1, 1, 0]);
  expect([...(positions as Tensor).data].map(Number)).toEqual([0, 0, 0, 0, 1, 2, 3, 0]);
});

// peft#526: a vocabulary that grew after the prompt was tuned on it.
describe("a checkpoint whose vocabulary has grown", () => {
  const grown = async (rows: boolean) => {
    const folder = path.join(cache, rows ? "grown" : "half-grown");
    await cp(golden("bert"), folder, { recursive: true });
    const read = async (name: string) => JSON.parse(await readFile(path.join(folder, name), "utf8"));
    const write = (name: string, value: unknown) => writeFile(path.join(folder, name), JSON.stringify(value));
    const tokenizer = await read("tokenizer.json");
    const id = Object.keys(tokenizer.model.vocab).length;
    const added = {
      id,
      content: "<customer>",
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    };
    await write("tokenizer.json", {
      ...tokenizer,
      added_tokens: [...tokenizer.added_tokens, { ...added, special: true }],
    });
    if (!rows) return { folder, id };
    await write("config.json", { ...(await read("config.json")), vocab_size: id + 1 });
    const file = path.join(folder, "model.safetensors");
    const tensors = new Map(readSafetensors(new Uint8Array(await readFile(file))).tensors);
    const name = "embeddings.word_embeddings.weight";
    const table = tensors.get(name) as Tensor;
    const row = new Float32Array(16).fill(2);
    tensors.set(name, float32(Float32Array.of(...(table.data as Float32Array), ...row), [id + 1, 16]));
    await writeFile(file, writeSafetensors(tensors, new Map()));
    return { folder, id };
  };

  it("is refused where the embeddings haven't", async () => {
    const { folder } = await grown(false);
    await expect(load(folder)).rejects.toMatchObject({ code: "bad_tokenizer" });
  });

  it("is another backbone, and its new token has its own row", async () => {
    const { folder, id } = await grown(true);
    const [before, after] = [await load(golden("bert")), await load(folder)];
    expect(after.manifest.identity.weightsSha256).not.toBe(before.manifest.identity.weightsSha256);
    expect(after.manifest.identity.tokenizerSha256).not.toBe(before.manifest.identity.tokenizerSha256);
    expect([...after.tokenizer.encode("<customer>").ids]).toContain(id);
    expect([...before.tokenizer.encode("<customer>").ids]).not.toContain(id);
  });
});

/** Of two vectors of length one. */
function cosine(a: Float32Array | undefined, b: Float32Array | undefined): number {
  return Array.from(a ?? []).reduce((sum, x, at) => sum + x * (b?.[at] ?? Number.NaN), 0);
}
