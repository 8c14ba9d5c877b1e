import { describe, expect, it } from "vitest";
import { findHead } from "./heads.ts";
import { memoryFile } from "./testing.ts";

const file = (...names: string[]) => memoryFile(Object.fromEntries(names.map((name) => [name, [3, 6]])));

describe("findHead", () => {
  // peft#577, #876, #1070, #756: heads lost or drawn anew since their key had another prefix.
  it.each([
    ["PEFT's prompts", "base_model.classifier.weight", "base_model.classifier.bias"],
    ["PEFT's LoRA", "base_model.model.classifier.weight", "base_model.model.classifier.bias"],
    ["no prefix", "classifier.weight", "classifier.bias"],
    [
      "a wrapped module",
      "base_model.classifier.modules_to_save.default.weight",
      "base_model.classifier.modules_to_save.default.bias",
    ],
    [
      "a wrapped module under LoRA, of an adapter with a name",
      "base_model.model.classifier.modules_to_save.support.weight",
      "base_model.model.classifier.modules_to_save.support.bias",
    ],
    [
      "a wrapped module whose adapter's name was taken off",
      "base_model.classifier.modules_to_save.weight",
      "base_model.classifier.modules_to_save.bias",
    ],
  ])("finds it under the spelling of %s", (_, weight, bias) => {
    expect(findHead(file(weight, bias, "prompt_embeddings"))).toEqual({
      head: { weight, bias },
      others: ["prompt_embeddings"],
    });
  });

  it("drops the untrained copy, and takes a pooler that was saved along", () => {
    const trained = "base_model.classifier.modules_to_save.default";
    const copy = "base_model.classifier.original_module";
    const pooler = "base_model.bert.pooler.dense";
    const names = [trained, copy, pooler].flatMap((name) => [`${name}.weight`, `${name}.bias`]);
    expect(findHead(file(...names)).head).toEqual({
      weight: `${trained}.weight`,
      bias: `${trained}.bias`,
      pooler: { weight: `${pooler}.weight`, bias: `${pooler}.bias` },
    });
  });

  it("knows that there is none", () => {
    expect(findHead(file("prompt_embeddings")).head).toBeUndefined();
  });

  it.each<[name: string, names: string[], code: string, seen: string]>([
    [
      "RoBERTa's",
      ["base_model.classifier.dense.weight", "base_model.classifier.out_proj.weight"],
      "unsupported_prompt_kind",
      "RoBERTa",
    ],
    ["a decoder's", ["base_model.score.weight"], "unsupported_prompt_kind", "decoder"],
    ["that of spans", ["base_model.qa_outputs.weight"], "unsupported_prompt_kind", "spans"],
    ["one without a bias", ["classifier.weight"], "bad_foreign_prompt", 'missing: "classifier.bias"'],
    [
      "a misspelt one",
      ["base_model.classifier.wieght", "base_model.classifier.bias"],
      "bad_foreign_prompt",
      'missing: "classifier.weight"; unexpected: "base_model.classifier.wieght"',
    ],
    [
      "two",
      ["classifier.weight", "base_model.classifier.weight", "classifier.bias"],
      "bad_foreign_prompt",
      '"classifier.weight" and "base_model.classifier.weight"',
    ],
    [
      "a pooler alone",
      ["bert.pooler.dense.weight", "bert.pooler.dense.bias"],
      "bad_foreign_prompt",
      "classifier.weight",
    ],
  ])("refuses %s by name", (_, names, code, seen) => {
    expect(() => findHead(file(...names))).toThrow(expect.objectContaining({ code }));
    expect(() => findHead(file(...names))).toThrow(seen);
  });
});
