import { describe, expect, it } from "vitest";
import { parseBertConfig } from "./config.ts";
import { textWeights } from "../text/weights.ts";
import { BERT_WEIGHTS, planBertWeights } from "./weights.ts";

const config = parseBertConfig({
  model_type: "bert",
  hidden_size: 4,
  num_attention_heads: 2,
  num_hidden_layers: 2,
  intermediate_size: 6,
  vocab_size: 11,
  max_position_embeddings: 8,
});

/** A checkpoint's header as transformers writes it for `config`. */
function checkpoint(rename: (name: string) => string = (name) => name): Map<string, readonly number[]> {
  const tensors = textWeights(config, BERT_WEIGHTS).flatMap(({ theirs }) => theirs);
  return new Map(tensors.map(({ name, shape }) => [rename(name), shape]));
}

/** Our name -> the checkpoint's. */
function planned(shapes: ReadonlyMap<string, readonly number[]>, of = config): Map<string, string> {
  return new Map(planBertWeights(shapes, of).map(({ ours, from }) => [ours, from.join()]));
}

describe("planBertWeights", () => {
  it("names every weight of two layers", () => {
    const mapped = planned(checkpoint(), config);
    expect(mapped.size).toBe(5 + 2 * 16);
    expect([...mapped].slice(0, 5)).toEqual([
      ["embeddings.word", "embeddings.word_embeddings.weight"],
      ["embeddings.position", "embeddings.position_embeddings.weight"],
      ["embeddings.type", "embeddings.token_type_embeddings.weight"],
      ["embeddings.norm.weight", "embeddings.LayerNorm.weight"],
      ["embeddings.norm.bias", "embeddings.LayerNorm.bias"],
    ]);
    expect(mapped.get("layer.1.attention.query.weight")).toBe("encoder.layer.1.attention.self.query.weight");
    expect(mapped.get("layer.1.attention.output.bias")).toBe("encoder.layer.1.attention.output.dense.bias");
    expect(mapped.get("layer.0.attention.norm.weight")).toBe(
      "encoder.layer.0.attention.output.LayerNorm.weight",
    );
    expect(mapped.get("layer.0.intermediate.weight")).toBe("encoder.layer.0.intermediate.dense.weight");
    expect(mapped.get("layer.0.output.weight")).toBe("encoder.layer.0.output.dense.weight");
    expect(mapped.get("layer.0.norm.bias")).toBe("encoder.layer.0.output.LayerNorm.bias");
  });

  it("keeps the checkpoint's [out, in] layout", () => {
    const shapes = new Map(planBertWeights(checkpoint(), config).map(({ ours, dims }) => [ours, dims]));
    expect(shapes.get("layer.0.intermediate.weight")).toEqual([6, 4]);
    expect(shapes.get("layer.0.intermediate.bias")).toEqual([6]);
    expect(shapes.get("layer.0.output.weight")).toEqual([4, 6]);
    expect(shapes.get("layer.0.output.bias")).toEqual([4]);
  });

  it("accepts a task model's prefix and TensorFlow's gamma and beta", () => {
    const old = checkpoint((name) =>
      `bert.${name}`
        .replace("LayerNorm.weight", "LayerNorm.gamma")
        .replace("LayerNorm.bias", "LayerNorm.beta"),
    );
    expect(planned(old, config).get("embeddings.norm.bias")).toBe("bert.embeddings.LayerNorm.beta");
  });

  it("drops heads of other tasks and index buffers", () => {
    const shapes = checkpoint();
    shapes.set("embeddings.position_ids", [1, 8]);
    shapes.set("pooler.dense.weight", [4, 4]);
    shapes.set("cls.predictions.bias", [11]);
    shapes.set("classifier.weight", [3, 4]);
    expect(planned(shapes, config)).toEqual(planned(checkpoint(), config));
  });

  // peft#1646: keys that did not match were ignored, and the model ran on untrained numbers.
  it("lists one misspelt name both as missing and as unknown", () => {
    const shapes = checkpoint((name) =>
      name.replace("layer.1.output.dense.bias", "layer.1.output.dense.bais"),
    );
    expect(() => planned(shapes, config)).toThrowErrorMatchingInlineSnapshot(
      `[KilotuneError: The checkpoint does not hold the BERT encoder that its config.json describes: missing encoder.layer.1.output.dense.bias; unknown encoder.layer.1.output.dense.bais.]`,
    );
  });

  it("refuses a checkpoint with more or fewer layers than its config", () => {
    expect(() => planned(checkpoint(), { ...config, layers: 1 })).toThrow(
      /unknown encoder\.layer\.1\..*and 10 more/,
    );
    expect(() => planned(checkpoint(), { ...config, layers: 3 })).toThrow(
      /missing encoder\.layer\.2\..*and 10 more/,
    );
  });

  it("refuses a wrong shape, naming both", () => {
    const shapes = checkpoint();
    shapes.set("embeddings.word_embeddings.weight", [4, 11]);
    expect(() => planned(shapes, config)).toThrow(
      "embeddings.word_embeddings.weight: expected shape [11, 4], saw [4, 11]",
    );
  });

  it("refuses two names for one weight", () => {
    const shapes = checkpoint();
    shapes.set("embeddings.LayerNorm.gamma", [4]);
    expect(() => planned(shapes, config)).toThrow("are the same weight");
  });
});
