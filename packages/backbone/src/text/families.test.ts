import { readFile } from "node:fs/promises";
import { readSafetensors } from "@kilotune/engine";
import { describe, expect, it } from "vitest";
import { bucketOf } from "../mpnet/weights.ts";
import { textFamilyOf } from "./families.ts";

const sizes = {
  hidden_size: 8,
  num_attention_heads: 2,
  num_hidden_layers: 4,
  intermediate_size: 16,
  vocab_size: 50,
  max_position_embeddings: 34,
};

describe("textFamilyOf", () => {
  it("counts RoBERTa's positions from the padding token's id on", () => {
    for (const model_type of ["roberta", "xlm-roberta", "camembert"]) {
      const { family, config } = textFamilyOf({ ...sizes, model_type, type_vocab_size: 1, pad_token_id: 1 });
      expect(family).toBe("roberta");
      expect(config).toMatchObject({ maxPositions: 32, typeVocabSize: 0, padTokenId: 1 });
    }
    expect(textFamilyOf({ ...sizes, model_type: "mpnet" }).config).toMatchObject({
      maxPositions: 32,
      positions: { kind: "relative" },
    });
  });

  it("reads DistilBERT's own names", () => {
    const { config } = textFamilyOf({
      model_type: "distilbert",
      dim: 8,
      n_heads: 2,
      n_layers: 3,
      hidden_dim: 16,
      vocab_size: 50,
    });
    expect(config).toMatchObject({
      layers: 3,
      hiddenSize: 8,
      headDim: 4,
      intermediateSize: 16,
      maxPositions: 512,
    });
  });

  it("reads ModernBERT's layers in both spellings", () => {
    const far = { theta: 160_000 };
    const near = { theta: 10_000, reach: 64 };
    const old = textFamilyOf({ ...sizes, model_type: "modernbert", global_attn_every_n_layers: 2 }).config;
    expect(old.positions).toEqual({ kind: "rotary", layers: [far, near, far, near] });
    const given = {
      layer_types: ["sliding_attention", "full_attention", "full_attention", "sliding_attention"],
      local_attention: 9,
      rope_parameters: { full_attention: { rope_theta: 7, rope_type: "default" } },
    };
    const layers = [{ theta: 10_000, reach: 4 }, { theta: 7 }, { theta: 7 }, { theta: 10_000, reach: 4 }];
    expect(textFamilyOf({ ...sizes, model_type: "modernbert", ...given }).config.positions).toEqual({
      kind: "rotary",
      layers,
    });
  });

  it.each([
    [
      { model_type: "deberta-v2" },
      "model_type: expected bert, roberta, xlm-roberta, camembert, distilbert, mpnet, modernbert",
    ],
    [{ model_type: "roberta", is_decoder: true }, "is_decoder: expected false"],
    [
      { model_type: "mpnet", relative_attention_num_buckets: 16 },
      "relative_attention_num_buckets: expected 32",
    ],
    [{ model_type: "modernbert", norm_bias: true }, "norm_bias: expected false"],
    [{ model_type: "modernbert", layer_types: ["full_attention"] }, "layer_types: expected a list of 4"],
    [{ model_type: "modernbert", layer_types: Array(4).fill("chunked") }, "layer_types: expected"],
    [
      { model_type: "modernbert", rope_parameters: { full_attention: { rope_type: "yarn" } } },
      'rope_type: expected "default"',
    ],
    [{ model_type: "modernbert", global_rope_theta: 0 }, "global_rope_theta: expected a number"],
  ])("refuses %j", (fields, words) => {
    expect(() => textFamilyOf({ ...sizes, ...fields })).toThrow(words);
  });

  it("names what a checkpoint lacks, by the family's own names", () => {
    const { plan } = textFamilyOf({ ...sizes, model_type: "modernbert" });
    expect(() => plan(new Map([["embeddings.tok_embeddings.weight", [50, 8]]]))).toThrow(
      /missing embeddings\.norm\.weight, layers\.0\.attn\.Wqkv\.weight/,
    );
  });
});

it("MPNet's distances fall into PyTorch's buckets, in float32 as there", async () => {
  const file = new URL("goldens/mpnet/wanted.safetensors", import.meta.url);
  const buckets = readSafetensors(new Uint8Array(await readFile(file))).tensors.get("buckets");
  const ours = Array.from({ length: 401 }, (_, at) => bucketOf(at - 200));
  expect(ours).toEqual(Array.from(buckets?.data as BigInt64Array, Number));
  // Beyond the furthest distance that is told apart, it's the same number.
  expect(new Set([128, 129, 200, 10_000].map(bucketOf)).size).toBe(1);
});
