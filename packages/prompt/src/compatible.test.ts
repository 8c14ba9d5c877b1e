import { describe, expect, test } from "vitest";
import { assertCompatible, type BackboneIdentity } from "./compatible.ts";
import { kvPrompt } from "./sample-prompts.ts";

const { manifest } = kvPrompt();
const { licence: _, ...SAME } = manifest.backbone;

test("the same backbone is accepted, under another name too", () => {
  expect(() => assertCompatible(manifest, { ...SAME, id: "./my-folder" })).not.toThrow();
});

describe("another backbone is refused with both values and what to do", () => {
  test("other weights and all that comes with them: the first hint is the one to follow", () => {
    const other = {
      id: "bge-small",
      weightsSha256: "11".repeat(32),
      tokenizerSha256: "22".repeat(32),
      hiddenSize: 512,
    };
    expect(refusal({ ...SAME, ...other })).toMatchInlineSnapshot(`
      {
        "code": "backbone_mismatch",
        "hint": "Load the prompt on the backbone it was tuned on (minilm-l6), or tune again on this one.",
        "message": "prompt for backbone "minilm-l6" on backbone "bge-small": expected weights of SHA-256 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, but saw 1111111111111111111111111111111111111111111111111111111111111111; a tokenizer of SHA-256 bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, but saw 2222222222222222222222222222222222222222222222222222222222222222; a hidden size of 4, but saw 512",
      }
    `);
  });

  test("vocabulary resized after tuning: a stale embedding table (peft#526)", () => {
    expect(refusal({ ...SAME, tokenizerSha256: "22".repeat(32) })).toMatchInlineSnapshot(`
      {
        "code": "backbone_mismatch",
        "hint": "Tokens were added or the tokenizer was replaced: restore the tokenizer of minilm-l6, or tune again with this one.",
        "message": "prompt for backbone "minilm-l6" on backbone "minilm-l6": expected a tokenizer of SHA-256 bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, but saw 2222222222222222222222222222222222222222222222222222222222222222",
      }
    `);
  });

  test("the same weights with other pooling or lower-casing", () => {
    expect(refusal({ ...SAME, preprocessingSha256: "33".repeat(32) })).toMatchInlineSnapshot(`
      {
        "code": "backbone_mismatch",
        "hint": "Lower-casing, pooling, an image's size or another setting differs: restore the settings of minilm-l6, or tune again with these.",
        "message": "prompt for backbone "minilm-l6" on backbone "minilm-l6": expected preprocessing settings of SHA-256 cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc, but saw 3333333333333333333333333333333333333333333333333333333333333333",
      }
    `);
  });

  test("a forged manifest: the right hashes, but shapes that would break the session", () => {
    expect(refusal({ ...SAME, headDim: 64, layers: 12 })).toMatchInlineSnapshot(`
      {
        "code": "backbone_mismatch",
        "hint": "The manifest contradicts the backbone whose hashes it gives: tune again.",
        "message": "prompt for backbone "minilm-l6" on backbone "minilm-l6": expected a number of layers of 3, but saw 12; a head dimension of 3, but saw 64",
      }
    `);
  });

  test.each(["weightsSha256", "tokenizerSha256", "preprocessingSha256"] as const)("%s alone", (key) => {
    const { code, message } = refusal({ ...SAME, [key]: "0f".repeat(32) });
    expect(code).toBe("backbone_mismatch");
    expect(message).toContain(manifest.backbone[key]);
    expect(message).toContain("0f".repeat(32));
  });
});

function refusal(identity: BackboneIdentity) {
  try {
    assertCompatible(manifest, identity);
  } catch (error) {
    const { code, message, hint } = error as Error & { code: string; hint: string };
    return { code, message, hint };
  }
  return expect.unreachable("it should have been refused");
}
