import { describe, expect, it } from "vitest";
import { parseMaxTokens, parsePooling, parsePreprocessing, poolingFile } from "./sentence.ts";

describe("parsePooling", () => {
  it.each([
    [{ pooling_mode_mean_tokens: true, pooling_mode_cls_token: false }, "mean"],
    [{ pooling_mode_mean_tokens: false, pooling_mode_cls_token: true }, "cls"],
    [{ pooling_mode_lasttoken: true }, "last"],
    [{ pooling_mode_max_tokens: true }, "max"],
    [{ pooling_mode: "lasttoken" }, "last"],
    [{ pooling_mode: "mean", pooling_mode_cls_token: true }, "mean"],
    [undefined, "mean"],
  ])("reads %j", (json, pooling) => {
    expect(parsePooling(json)).toBe(pooling);
  });

  it.each([
    [{ pooling_mode_mean_sqrt_len_tokens: true }],
    [{ pooling_mode_mean_tokens: true, pooling_mode_cls_token: true }],
    [{ pooling_mode: "weightedmean" }],
    [{}],
    ["mean"],
  ])("refuses %j", (json) => {
    expect(() => parsePooling(json)).toThrow("1_Pooling/config.json: expected");
  });
});

describe("parsePreprocessing", () => {
  const nothing = {
    modules: undefined,
    pooling: undefined,
    sentenceBert: undefined,
    sentenceTransformers: undefined,
  };
  const module = (kind: string, path = "") => ({ type: `sentence_transformers.models.${kind}`, path });
  const parse = (files: object, known?: Parameters<typeof parsePreprocessing>[2]) =>
    parsePreprocessing({ ...nothing, ...files }, { maxPositions: 512 }, known);

  it("takes defaults where nothing is said", () => {
    expect(parse({})).toEqual({ pooling: "mean", normalize: true, maxTokens: 512 });
  });

  it("divides by the length where modules.json says so", () => {
    const modules = [module("Transformer"), module("Pooling", "1_Pooling")];
    expect(parse({ modules }).normalize).toBe(false);
    expect(parse({ modules: [...modules, module("Normalize", "2_Normalize")] }).normalize).toBe(true);
    expect(poolingFile([module("Transformer"), module("Pooling", "7_Pooling")])).toBe(
      "7_Pooling/config.json",
    );
    expect(poolingFile(undefined)).toBe("1_Pooling/config.json");
  });

  it.each([
    [[module("Transformer"), module("Dense", "2_Dense")], "Dense"],
    [[module("Transformer", "0_Transformer")], "own folder"],
    [[module("Transformer"), module("Pooling", "../up")], "a folder beside it"],
    [{}, "a list of modules"],
  ])("refuses the modules %j", (modules, words) => {
    expect(() => parse({ modules })).toThrow(words);
  });

  it("reads instructions, and knows which one is meant", () => {
    const prompts = { query: "query: ", passage: "passage: ", none: "" };
    expect(parse({ sentenceTransformers: { prompts } }).instructions).toEqual({
      texts: { passage: "passage: ", query: "query: " },
    });
    const named = { prompts, default_prompt_name: "query" };
    expect(parse({ sentenceTransformers: named }).instructions?.default).toBe("query");
    expect(parse({ sentenceTransformers: { prompts: {}, default_prompt_name: null } })).not.toHaveProperty(
      "instructions",
    );
    const known = { texts: { query: "query: " }, default: "query" };
    expect(parse({ sentenceTransformers: { __version__: {} } }, known).instructions).toEqual(known);
  });

  it.each([
    [{ prompts: { query: 1 } }, "prompts.query: expected a text"],
    [{ prompts: {}, default_prompt_name: "query" }, "default_prompt_name: expected"],
    [{ prompts: [] }, "prompts: expected a JSON object"],
  ])("refuses the instructions %j", (sentenceTransformers, words) => {
    expect(() => parse({ sentenceTransformers })).toThrow(words);
  });

  it("refuses instructions that aren't pooled", () => {
    const files = {
      sentenceTransformers: { prompts: { query: "q: " } },
      pooling: { pooling_mode: "mean", include_prompt: false },
    };
    expect(() => parse(files)).toThrow("include_prompt: expected true");
  });
});

describe("parseMaxTokens", () => {
  const config = { maxPositions: 512 };

  it("takes the trained length, never more than there are positions", () => {
    expect(parseMaxTokens({ max_seq_length: 256 }, config)).toBe(256);
    expect(parseMaxTokens({ max_seq_length: 8192 }, config)).toBe(512);
    expect(parseMaxTokens({ max_seq_length: null }, config)).toBe(512);
    expect(parseMaxTokens(undefined, { maxPositions: 128 })).toBe(128);
    expect(parseMaxTokens(undefined, { maxPositions: 2048 })).toBe(512);
  });

  it.each([[0], [-1], [1.5], ["256"], [Number.NaN]])("refuses a length of %j", (max_seq_length) => {
    expect(() => parseMaxTokens({ max_seq_length }, config)).toThrow("max_seq_length: expected");
  });
});
