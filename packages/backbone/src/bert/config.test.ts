import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBertConfig } from "./config.ts";

const minilm = {
  model_type: "bert",
  hidden_act: "gelu",
  hidden_size: 384,
  intermediate_size: 1536,
  layer_norm_eps: 1e-12,
  max_position_embeddings: 512,
  num_attention_heads: 12,
  num_hidden_layers: 6,
  pad_token_id: 0,
  position_embedding_type: "absolute",
  type_vocab_size: 2,
  vocab_size: 30_522,
  use_cache: true,
};

describe("parseBertConfig", () => {
  it("reads a checkpoint's config", () => {
    expect(parseBertConfig(minilm)).toEqual({
      layers: 6,
      hiddenSize: 384,
      heads: 12,
      headDim: 32,
      intermediateSize: 1536,
      vocabSize: 30_522,
      maxPositions: 512,
      typeVocabSize: 2,
      layerNormEpsilon: 1e-12,
      activation: "gelu",
      mlp: "plain",
      norms: "behind",
      positions: { kind: "absolute" },
      padTokenId: 0,
    });
  });

  it("takes transformers' defaults for fields left out or null", () => {
    const { hidden_act, pad_token_id, type_vocab_size, layer_norm_eps, ...rest } = minilm;
    const config = parseBertConfig({ ...rest, position_embedding_type: null });
    expect(config).toEqual(parseBertConfig(minilm));
  });

  it.each([
    [{ hidden_act: "gelu_new" }, `hidden_act: expected "gelu", saw "gelu_new".`],
    [{ hidden_act: "relu" }, `hidden_act: expected "gelu", saw "relu".`],
    [
      { position_embedding_type: "relative_key" },
      `position_embedding_type: expected "absolute", saw "relative_key".`,
    ],
    [{ model_type: "roberta" }, `model_type: expected "bert", saw "roberta".`],
    [{ model_type: undefined }, `model_type: expected "bert", saw nothing.`],
    [{ is_decoder: true }, "is_decoder: expected false, saw true."],
    [{ num_attention_heads: 7 }, "num_attention_heads: expected a divisor of hidden_size 384, saw 7."],
    [{ hidden_size: "384" }, `hidden_size: expected a whole number from 1 to 16384, saw "384".`],
    [{ pad_token_id: 30_522 }, "pad_token_id: expected a whole number from 0 to 30521, saw 30522."],
    [{ layer_norm_eps: 0 }, "layer_norm_eps: expected a number from 1e-37 to 0.1, saw 0."],
  ])("refuses %j", (change, message) => {
    expect(() => parseBertConfig({ ...minilm, ...change })).toThrow(message);
  });

  it.each([[null], [[]], ["bert"], [undefined]])("refuses %j for a config", (json) => {
    expect(() => parseBertConfig(json)).toThrow("config.json: expected a JSON object");
  });

  it("does not read a field from a prototype", () => {
    expect(() => parseBertConfig(Object.create(minilm))).toThrow("model_type");
  });

  const numbers = [
    "hidden_size",
    "num_attention_heads",
    "num_hidden_layers",
    "intermediate_size",
    "vocab_size",
    "max_position_embeddings",
    "type_vocab_size",
    "pad_token_id",
    "layer_norm_eps",
  ] as const;

  it("gives either bounded numbers or a bad_config that names the field", () => {
    const value = fc.oneof(
      fc.integer(),
      fc.double(),
      fc.bigInt().map(Number),
      fc.string(),
      fc.boolean(),
      fc.constant([1]),
    );
    fc.assert(
      fc.property(fc.constantFrom(...numbers), value, (name, seen) => {
        try {
          const config = parseBertConfig({ ...minilm, [name]: seen });
          for (const field of Object.values(config)) {
            if (typeof field === "number") expect(field >= 0 && field <= 2_000_000).toBe(true);
          }
          expect(config.headDim * config.heads).toBe(config.hiddenSize);
        } catch (error) {
          expect(error).toMatchObject({ code: "bad_config", kind: "input" });
          expect((error as Error).message).toMatch(/^[a-z_]+: expected .+, saw .+\.$/);
        }
      }),
      { numRuns: 500 },
    );
  });
});
