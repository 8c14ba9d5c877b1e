import { describe, expect, it } from "vitest";
import { parseDinov2Config } from "../dinov2/config.ts";
import { planDinov2Weights } from "../dinov2/weights.ts";
import { parseVitConfig } from "../vit/config.ts";
import { planVitWeights } from "../vit/weights.ts";
import { gridOf, tokensOf } from "./config.ts";
import { stretchPositions } from "./positions.ts";
import { parsePreprocessor } from "./preprocessing.ts";

const SMALL = {
  model_type: "dinov2_with_registers",
  hidden_size: 384,
  num_hidden_layers: 12,
  num_attention_heads: 6,
  image_size: 518,
  patch_size: 14,
};

describe("a vision checkpoint's config.json", () => {
  it("of DINOv2 with registers, at another size", () => {
    const { config, trainedGrid, antialiasPositions } = parseDinov2Config(SMALL, [224, 280]);
    expect(config).toEqual({
      ...{ layers: 12, hiddenSize: 384, heads: 6, headDim: 64, intermediateSize: 1536 },
      ...{ height: 224, width: 280, patchSize: 14, leadingTokens: 5, hasClassToken: true },
      ...{ activation: "gelu", mlp: "plain", normsInput: false, normsOutput: true, layerNormEpsilon: 1e-6 },
    });
    expect(trainedGrid).toEqual([37, 37]);
    expect(antialiasPositions).toBe(true);
    expect([...gridOf(config), tokensOf(config)]).toEqual([16, 20, 325]);
  });

  it("of a giant: gated, two thirds as wide, in eights", () => {
    const giant = {
      ...SMALL,
      model_type: "dinov2",
      hidden_size: 1536,
      num_attention_heads: 24,
      use_swiglu_ffn: true,
    };
    expect(parseDinov2Config(giant).config).toMatchObject({
      mlp: "gated",
      intermediateSize: 4096,
      leadingTokens: 1,
    });
  });

  it("of CLIP, with its text tower beside", () => {
    const tower = { ...SMALL, image_size: 224, patch_size: 32, intermediate_size: 1536 };
    const { config, dialect, patchBias } = parseVitConfig({ model_type: "clip", vision_config: tower });
    expect({ dialect, patchBias }).toEqual({ dialect: "clip", patchBias: false });
    expect(config).toMatchObject({ activation: "gelu-sigmoid", normsInput: true, layerNormEpsilon: 1e-5 });
  });

  it("whose size leaves part of a patch over keeps whole patches", () => {
    expect(parseDinov2Config({ ...SMALL, image_size: 230 }).config).toMatchObject({
      height: 224,
      width: 224,
    });
  });

  it.each([
    [
      { model_type: "swin" },
      undefined,
      'model_type: expected "dinov2" or "dinov2_with_registers", saw "swin".',
    ],
    [
      { num_attention_heads: 5 },
      undefined,
      "num_attention_heads: expected a divisor of hidden_size 384, saw 5.",
    ],
    [{ num_channels: 4 }, undefined, "num_channels: expected a whole number from 3 to 3, saw 4."],
    [{ hidden_act: "mish" }, undefined, "hidden_act: expected gelu, gelu_new"],
    [{ image_size: 1e9 }, undefined, "image_size: expected a whole number from 14 to 4096, saw 1000000000."],
    [{}, [224, 225], "image width: expected a multiple of the patch size 14, such as 224, saw 225."],
    [{}, [224, Number.NaN], "image width: expected a multiple of the patch size 14"],
  ] as const)("refuses %j at %j, Swin by its name (known fault 41)", (change, size, message) => {
    expect(() => parseDinov2Config({ ...SMALL, ...change }, size)).toThrow(message);
  });
});

describe("a vision checkpoint's weights", () => {
  const vit = {
    ...SMALL,
    model_type: "vit",
    hidden_size: 4,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    image_size: 4,
    patch_size: 2,
    intermediate_size: 6,
  };
  const shapes = new Map<string, readonly number[]>([
    ["vit.embeddings.cls_token", [1, 1, 4]],
    ["vit.embeddings.position_embeddings", [1, 5, 4]],
    ["vit.embeddings.patch_embeddings.projection.weight", [4, 3, 2, 2]],
    ["vit.embeddings.patch_embeddings.projection.bias", [4]],
    ...["query", "key", "value"].flatMap((part): [string, number[]][] => [
      [`vit.encoder.layer.0.attention.attention.${part}.weight`, [4, 4]],
      [`vit.encoder.layer.0.attention.attention.${part}.bias`, [4]],
    ]),
    ["vit.encoder.layer.0.attention.output.dense.weight", [4, 4]],
    ["vit.encoder.layer.0.attention.output.dense.bias", [4]],
    ...["layernorm_before", "layernorm_after"].flatMap((part): [string, number[]][] => [
      [`vit.encoder.layer.0.${part}.weight`, [4]],
      [`vit.encoder.layer.0.${part}.bias`, [4]],
    ]),
    ["vit.encoder.layer.0.intermediate.dense.weight", [6, 4]],
    ["vit.encoder.layer.0.intermediate.dense.bias", [6]],
    ["vit.encoder.layer.0.output.dense.weight", [4, 6]],
    ["vit.encoder.layer.0.output.dense.bias", [4]],
    ["vit.layernorm.weight", [4]],
    ["vit.layernorm.bias", [4]],
    ["classifier.weight", [2, 4]],
  ]);

  it("make each of ours, a patch's bias within its position, the class token's within itself", () => {
    const plan = planVitWeights(shapes, parseVitConfig(vit));
    expect(plan.map(({ ours }) => ours).slice(0, 4)).toEqual([
      "embeddings.patch",
      "embeddings.leading",
      "embeddings.position",
      "layer.0.attention.query.weight",
    ]);
    const made = (name: string, parts: number[][]) =>
      plan.find(({ ours }) => ours === name)?.make?.(parts.map((part) => Float32Array.from(part)));
    const table = Array.from({ length: 20 }, (_, at) => at);
    expect([...made("embeddings.leading", [[10, 20, 30, 40], table])!]).toEqual([10, 21, 32, 43]);
    expect([...made("embeddings.position", [table, [100, 0, 0, 0]])!].slice(0, 5)).toEqual([
      104, 5, 6, 7, 108,
    ]);
  });

  it("of which one is misspelt are refused, both names told", () => {
    const other = new Map(
      [...shapes].map(([name, shape]) => [
        name.replace("layer.0.output.dense.bias", "layer.0.output.dense.bais"),
        shape,
      ]),
    );
    expect(() => planVitWeights(other, parseVitConfig(vit))).toThrowErrorMatchingInlineSnapshot(
      `[KilotuneError: The checkpoint does not hold the vision transformer that its config.json describes: missing encoder.layer.0.output.dense.bias; unknown vit.encoder.layer.0.output.dense.bais.]`,
    );
  });

  it("of another family are refused", () => {
    expect(() => planDinov2Weights(shapes, parseDinov2Config({ ...vit, model_type: "dinov2" }))).toThrow(
      "missing",
    );
  });
});

describe("positions", () => {
  it("of a line stay a line, and of the same grid the same bits", () => {
    const table = Float32Array.from([1, 2, 3, 4]);
    expect(stretchPositions(table, [2, 2], [2, 2], { antialias: true })).toBe(table);
    const wide = stretchPositions(table, [2, 2], [2, 4], { antialias: false });
    expect(wide.length).toBe(8);
    expect([...wide.subarray(0, 4)].toSorted()).toEqual([...wide.subarray(0, 4)]);
  });
});

describe("preprocessor_config.json", () => {
  const fallback = {
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    fit: { kind: "stretch" },
    kernel: "linear",
  } as const;
  const parse = (json: unknown) => parsePreprocessor(json, [224, 224], fallback);

  it("may be absent, crop, or stretch, in old and new spellings", () => {
    expect(parse(undefined)).toMatchObject({ ...fallback, width: 224, height: 224 });
    const crop = {
      do_center_crop: true,
      crop_size: { height: 224, width: 224 },
      size: { shortest_edge: 256 },
      resample: 3,
    };
    expect(parse(crop)).toMatchObject({ fit: { kind: "crop", share: 0.875 }, kernel: "cubic" });
    expect(parse({ do_center_crop: true, crop_size: 224, size: 224 })).toMatchObject({
      fit: { kind: "crop", share: 1 },
    });
    expect(parse({ size: { height: 224, width: 224 }, resample: 2 })).toMatchObject({
      fit: { kind: "stretch" },
    });
  });

  it.each([
    [{ image_mean: [0, 0] }, "image_mean: expected three finite numbers"],
    [{ image_std: [1, 0, 1] }, "image_std: expected three finite numbers, deviations above 0"],
    [{ resample: 1 }, "resample: expected 2 (bilinear) or 3 (bicubic), saw 1."],
  ])("refuses %j", (json, message) => {
    expect(() => parse(json)).toThrow(message);
  });
});
