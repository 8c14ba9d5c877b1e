import { readFile } from "node:fs/promises";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { pullBackbone } from "../download/pull-backbone.ts";
import { cacheFolder, hubUrl } from "../registry/places.ts";
import { loadTokenizer, type Tokenizer } from "./load-tokenizer.ts";
import { wordSpans } from "./text-words.ts";

// transformers.js#74, #517, #1019; curated-transformers#209: tokenizers in JavaScript gave other ids than Python's for
// ideographs, marks and newlines. The goldens are the Rust tokenizers' (goldens/make_goldens.py).
interface Golden {
  readonly texts: [text: string, ids: number[]][];
  readonly truncated: [limit: number, text: string, ids: number[]][];
  readonly pairs: [limit: number, first: string, second: string, ids: number[], typeIds: number[]][];
}

let golden: Golden;
let limitedTo: (maxTokens: number) => Tokenizer;

beforeAll(async () => {
  const packed = await readFile(path.join(import.meta.dirname, "goldens", "bert-tokens.json.gz"));
  golden = JSON.parse(gunzipSync(packed).toString());
  const folder = await pullBackbone("minilm-l6", {
    cache: cacheFolder(process.env),
    hub: hubUrl(process.env),
  });
  const tokenizerJson: unknown = JSON.parse(await readFile(path.join(folder, "tokenizer.json"), "utf8"));
  limitedTo = (maxTokens) => loadTokenizer({ tokenizerJson, tokenizerConfig: undefined, maxTokens });
});

describe("ids equal the Rust tokenizers'", () => {
  it("for 2,000 texts", () => {
    const tokenizer = limitedTo(1024);
    expect(golden.texts).toHaveLength(2000);
    for (const [text, ids] of golden.texts) {
      const encoded = tokenizer.encode(text);
      expect([...encoded.ids], JSON.stringify(text)).toEqual(ids);
      expect(encoded).toMatchObject({
        tokens: ids.length,
        truncated: false,
        unknown: ids.filter((id) => id === 100).length,
      });
    }
  });

  it("word by word", () => {
    const tokenizer = limitedTo(1024);
    for (const [text, ids] of golden.texts) {
      // Names of special tokens are tokens to `encode`, and words like any other here.
      if (/\[[A-Z]+\]/.test(text)) continue;
      const words = wordSpans(text);
      const encoded = tokenizer.encodeWords(text, words);
      expect([...encoded.ids], JSON.stringify(text)).toEqual(ids);
      const starts = [...encoded.firsts].filter((first) => first >= 0);
      expect(starts).toEqual([...new Set(starts)].sort((a, b) => a - b));
      expect(words.every(([start, end], at) => start < end && start >= (words[at - 1]?.[1] ?? 0))).toBe(true);
    }
  });

  it("for texts of 511, 512 and 513 tokens, the last of which is truncated", () => {
    const tokenizer = limitedTo(512);
    for (const length of [511, 512, 513]) {
      const [text, ids] = golden.texts.find((row) => row[1].length === length)!;
      const encoded = tokenizer.encode(text);
      expect(encoded).toMatchObject({ tokens: length, truncated: length > 512 });
      expect([...encoded.ids]).toEqual(length > 512 ? [...ids.slice(0, 511), 102] : ids);
    }
  });

  it("for truncated texts", () => {
    const tokenizers = new Map([8, 9, 32, 256].map((limit) => [limit, limitedTo(limit)]));
    for (const [limit, text, ids] of golden.truncated) {
      expect([...tokenizers.get(limit)!.encode(text).ids], JSON.stringify(text)).toEqual(ids);
    }
  });

  it("for pairs, with their token types", () => {
    const tokenizers = new Map([8, 9, 20, 21, 64, 512].map((limit) => [limit, limitedTo(limit)]));
    for (const [limit, first, second, ids, typeIds] of golden.pairs) {
      const encoded = tokenizers.get(limit)!.encodePair(first, second);
      expect([...encoded.ids], JSON.stringify([first, second])).toEqual(ids);
      expect([...encoded.typeIds]).toEqual(typeIds);
    }
  });
});

it("ids stay inside the embedding table", () => {
  expect(limitedTo(256).vocabularySize).toBe(30_522);
});
