import { describe, expect, it } from "vitest";
import { tinyTokenizer } from "../testing.ts";
import { loadTokenizer } from "./load-tokenizer.ts";

const WORDS = ["card", "lost", "##s", "my", "!", "\\", "n", "σ", "##σ", "a", "##n"];
const tokenizerJson = tinyTokenizer(WORDS, 4);
const vocabulary = tokenizerJson.model.vocab;

function tiny(maxTokens = 8) {
  return loadTokenizer({ tokenizerJson, tokenizerConfig: undefined, maxTokens });
}

function tokens(ids: Int32Array): string {
  return Array.from(ids, (id) => Object.keys(vocabulary)[id]).join(" ");
}

describe("encode", () => {
  it("frames the pieces with special tokens and counts the unknown ones", () => {
    const encoded = tiny().encode("My cards, LOST!");
    expect(tokens(encoded.ids)).toBe("[CLS] my [UNK] [UNK] lost ! [SEP]");
    expect(encoded).toMatchObject({ tokens: 7, truncated: false, unknown: 2 });
  });

  it("keeps both frames when it truncates, and says so", () => {
    const encoded = tiny(5).encode("my lost card my lost card");
    expect(tokens(encoded.ids)).toBe("[CLS] my lost card [SEP]");
    expect(encoded).toMatchObject({ tokens: 8, truncated: true, unknown: 0 });
    expect(tiny(8).encode("my lost card my lost card").truncated).toBe(false);
  });

  it("gives the frames alone for a text without tokens", () => {
    for (const text of ["", "  \n ", "\u0000", "\ud800"]) {
      expect(tiny().encode(text)).toMatchObject({ ids: Int32Array.of(2, 3), tokens: 2, unknown: 0 });
    }
  });

  // llama.cpp#7384: a backslash and an n taken for a newline.
  it("tells a newline from a backslash and an n", () => {
    expect(tokens(tiny().encode("a\nn").ids)).toBe("[CLS] a n [SEP]");
    expect(tokens(tiny().encode("a\\n").ids)).toBe("[CLS] a \\ n [SEP]");
  });

  it("lowers a word's last sigma as Rust does", () => {
    expect(tokens(tiny().encode("ΣΣ").ids)).toBe("[CLS] σ ##σ [SEP]");
  });

  it("measures a word's length in code points", () => {
    expect(tokens(tiny().encode("ss𐐨𐐨𐐨").ids)).toBe("[CLS] [UNK] [SEP]");
    expect(tokens(tiny().encode("nnnn").ids)).toBe("[CLS] n ##n ##n ##n [SEP]");
    expect(tokens(tiny().encode("nnnnn").ids)).toBe("[CLS] [UNK] [SEP]");
  });

  // WordPiece over a word that the vocabulary doesn't cover is quadratic when every length is tried.
  it("reads 200,000 hostile characters in well under a second", () => {
    const start = performance.now();
    tiny().encode("nnn𐐨 ".repeat(40_000));
    expect(performance.now() - start).toBeLessThan(1500);
  });
});

describe("encodePair", () => {
  it("marks which text each id belongs to", () => {
    const { ids, typeIds } = tiny(12).encodePair("my card", "lost");
    expect(tokens(ids)).toBe("[CLS] my card [SEP] lost [SEP]");
    expect([...typeIds]).toEqual([0, 0, 0, 0, 1, 1]);
  });

  it("cuts the longer text first, then both", () => {
    const encode = (a: string, b: string) => tokens(tiny(7).encodePair(a, b).ids);
    expect(encode("my my my my", "card")).toBe("[CLS] my my my [SEP] card [SEP]");
    expect(encode("card", "my my my my")).toBe("[CLS] card [SEP] my my my [SEP]");
    expect(encode("my my my my", "lost lost lost")).toBe("[CLS] my my [SEP] lost lost [SEP]");
    expect(tiny(7).encodePair("card", "my my my my")).toMatchObject({ tokens: 8, truncated: true });
  });
});

describe("loadTokenizer refuses", () => {
  const refusal = (json: unknown, maxTokens = 8) => {
    try {
      loadTokenizer({ tokenizerJson: json, tokenizerConfig: undefined, maxTokens });
    } catch (error) {
      return error;
    }
    return "accepted";
  };
  const withModel = (change: object) => ({ ...tokenizerJson, model: { ...tokenizerJson.model, ...change } });

  it.each([
    ["no object", null],
    ["no model", { ...tokenizerJson, model: undefined }],
    ["a model of an unknown type", withModel({ type: "Telepathy", vocab: undefined })],
    ["an unknown normalizer", { ...tokenizerJson, normalizer: { type: "Shout" } }],
    ["a normalizer that is no object", { ...tokenizerJson, normalizer: "BertNormalizer" }],
    ["an id that is no number", withModel({ vocab: { "[UNK]": 1, a: "4" } })],
    ["a negative id", withModel({ vocab: { "[UNK]": 0, a: -1 } })],
    ["an id beyond any table", withModel({ vocab: { "[UNK]": 0, a: 4e9 } })],
    ["two tokens with one id", withModel({ vocab: { ...tokenizerJson.model.vocab, card: 5 } })],
    [
      "special tokens outside the vocabulary",
      { ...withModel({ vocab: { a: 4 }, unk_token: "?" }), added_tokens: [] },
    ],
  ])("%s", (_, json) => {
    expect(refusal(json)).toMatchObject({
      code: "bad_tokenizer",
      kind: "input",
      hint: expect.stringMatching(/./),
    });
  });

  it("a limit that leaves no room for text", () => {
    expect(refusal(tokenizerJson, 4)).toMatchObject({ code: "bad_tokenizer" });
    expect(refusal(tokenizerJson, 7.5)).toMatchObject({ code: "bad_tokenizer" });
    expect(refusal(tokenizerJson, 5)).toBe("accepted");
  });
});
