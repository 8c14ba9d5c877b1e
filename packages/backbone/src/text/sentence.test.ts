import { describe, expect, it } from "vitest";
import { parseMaxTokens, parsePooling } from "./sentence.ts";

describe("parsePooling", () => {
  it("reads mean and cls, and takes the mean where nothing is said", () => {
    expect(parsePooling({ pooling_mode_mean_tokens: true, pooling_mode_cls_token: false })).toBe("mean");
    expect(parsePooling({ pooling_mode_mean_tokens: false, pooling_mode_cls_token: true })).toBe("cls");
    expect(parsePooling(undefined)).toBe("mean");
  });

  it.each([
    [{ pooling_mode_max_tokens: true }],
    [{ pooling_mode_mean_tokens: true, pooling_mode_cls_token: true }],
    [{}],
    ["mean"],
  ])("refuses %j", (json) => {
    expect(() => parsePooling(json)).toThrow("1_Pooling/config.json: expected");
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
