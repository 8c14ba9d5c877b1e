import { isCodedError } from "@kilotune/contract";
import { detectionTensors, segmentationTensors } from "@kilotune/heads";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { assertCompatible } from "./compatible.ts";
import { decodePrompt } from "./decode.ts";
import { describePrompt } from "./describe.ts";
import { encodePrompt } from "./encode.ts";
import type { UseName } from "./manifest/uses.ts";
import { type PromptManifest, parseManifest } from "./manifest.ts";
import { detectionSpec, segmentationSpec } from "./patch-spec.ts";
import { COMBINATIONS, filled, sampleManifest, samplePrompt } from "./sample-uses.ts";
import { roundToStorage } from "./storage.ts";
import { expectUse, isFor, useOf } from "./use.ts";

describe("every use with every method", () => {
  test.each(COMBINATIONS)(
    "%s, %s: a reader gets what was written, and the same bytes again",
    async (use, method) => {
      const prompt = samplePrompt(use, method);
      expect(useOf(prompt.manifest)).toBe(use);
      for (const storage of ["float16", "float32"] as const) {
        const bytes = encodePrompt(prompt, { storage });
        const stored = await decodePrompt(bytes);
        expect(stored.prompt).toEqual(roundToStorage(prompt, storage));
        expect(encodePrompt(stored.prompt, { storage })).toEqual(bytes);
        const { parameters, tensors } = describePrompt(stored);
        expect(parameters).toBe(tensors.reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1), 0));
      }
    },
  );

  test("bytes flipped: refused with a code, or sound and another file", async () => {
    const files = COMBINATIONS.map(([use, method]) =>
      encodePrompt(samplePrompt(use, method), { storage: "float16" }),
    );
    const flip = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.array(flip, { minLength: 1, maxLength: 3 }),
        async (file, flips) => {
          const mutated = file.slice();
          for (const [at, bits] of flips) mutated[at % mutated.length]! ^= bits;
          const stored = await decodePrompt(mutated).catch((error) => {
            if (!isCodedError(error)) throw error;
          });
          if (stored === undefined) return;
          const { storage } = stored.prompt.manifest;
          expect((await decodePrompt(encodePrompt(stored.prompt, { storage }))).prompt).toEqual(
            stored.prompt,
          );
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("any JSON in any place of the manifest is refused with a code or read soundly", () => {
    const place = fc.constantFrom(...COMBINATIONS).chain(([use, method]) => {
      const manifest = sampleManifest(use, method) as unknown as Record<string, unknown>;
      const keys = Object.keys(manifest).flatMap((key) => {
        const value = manifest[key];
        const inner = typeof value === "object" && value !== null ? Object.keys(value) : [];
        return [[key], ...inner.map((name) => [key, name])];
      });
      return fc.tuple(fc.constant(manifest), fc.constantFrom(...keys));
    });
    fc.assert(
      fc.property(place, fc.jsonValue(), ([manifest, [key, inner]], value) => {
        const changed =
          inner === undefined
            ? { ...manifest, [key!]: value }
            : { ...manifest, [key!]: { ...(manifest[key!] as object), [inner]: value } };
        try {
          parseManifest(changed);
        } catch (error) {
          if (!isCodedError(error)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});

/** Its parts may be spread and replaced, whatever the use. */
type Changeable = Record<string, object> & { readonly sites: object };

describe("a manifest that contradicts itself is refused by its place", () => {
  const cases: [use: UseName, change: (manifest: Changeable) => object, message: string][] = [
    [
      "textClassification",
      (m) => ({ ...m, input: "text" }),
      `"input": expected none, "text_pair" or "image", but saw "text"`,
    ],
    ["textClassification", (m) => ({ ...m, precision: "fp32" }), `"precision"`],
    [
      "textTagging",
      (m) => ({ ...m, input: "text_pair" }),
      `"task": expected "classification", "multi_label" or "regression", but saw "tagging"`,
    ],
    ["textClassification", (m) => ({ ...m, input: "image" }), `"backbone.image"`],
    ["imageClassification", (m) => ({ ...m, maxTokens: 5 }), `Unrecognized key: "maxTokens"`],
    [
      "imageClassification",
      (m) => ({ ...m, head: { kind: "mlp", scale: 1, feature: "cls" } }),
      `"head.kind"`,
    ],
    ["imageClassification", (m) => ({ ...m, head: { kind: "cosine", scale: 1 } }), `"head.feature"`],
    [
      "imageClassification",
      (m) => ({ ...m, backbone: { ...m.backbone, image: { width: 13, height: 8 } } }),
      "multiples of the patch size",
    ],
    [
      "imageClassification",
      (m) => ({ ...m, backbone: { ...m.backbone, image: { width: 8192, height: 8 } } }),
      `"backbone.image.width"`,
    ],
    [
      "imageClassification",
      (m) => ({ ...m, backbone: { ...m.backbone, tokenizerSha256: "bb".repeat(32) } }),
      `Unrecognized key: "tokenizerSha256"`,
    ],
    [
      "textMultiLabel",
      (m) => ({ ...m, calibration: { temperature: 1, thresholds: [0.5] } }),
      `"calibration.thresholds": expected one for each of 3 labels, received 1`,
    ],
    [
      "textMultiLabel",
      (m) => ({ ...m, calibration: { temperature: 1, thresholds: [0.5, 0.5, 1.5] } }),
      `"calibration.thresholds.2"`,
    ],
    ["textRegression", (m) => ({ ...m, labels: ["a", "b"] }), "expected one label, the name of the number"],
    ["textRegression", (m) => ({ ...m, calibration: { mean: 0, scale: 0 } }), `"calibration.scale"`],
    [
      "textTagging",
      (m) => ({ ...m, labels: ["O", "B-place", "I-time"] }),
      'expected "B-time" beside "I-time"',
    ],
    ["textTagging", (m) => ({ ...m, labels: ["B-place"] }), 'expected the tag "O"'],
    [
      "textTagging",
      (m) => ({ ...m, labels: ["O", "place"] }),
      'expected "O", "B-kind" or "I-kind", received "place" at 1',
    ],
    ["textTagging", (m) => ({ ...m, labels: ["O", "B-"] }), 'received "B-" at 1'],
    ["textRetrieval", ({ sites: _, ...m }) => ({ ...m, method: "head" }), `"method": expected a prompt`],
    ["textRetrieval", (m) => ({ ...m, labels: ["a"] }), `"labels"`],
    ["imageSegmentation", (m) => ({ ...m, head: { ...m.head, taps: [2, 1] } }), `"head.taps"`],
    [
      "imageSegmentation",
      (m) => ({ ...m, head: { ...m.head, taps: [3] } }),
      `"head.taps": expected numbers from 1 to 2`,
    ],
    [
      "imageSegmentation",
      (m) => ({ ...m, head: { ...m.head, cellsPerPatch: 3 } }),
      `"head.cellsPerPatch": expected a divisor of the patch size 4`,
    ],
    ["imageSegmentation", (m) => ({ ...m, head: { ...m.head, innerWidth: 513 } }), `"head.innerWidth"`],
    [
      "imageSegmentation",
      (m) => ({ ...m, labels: Array.from({ length: 256 }, (_, i) => `${i}`) }),
      "at most 255 classes",
    ],
    [
      "imageSegmentation",
      (m) => ({
        ...m,
        backbone: { ...m.backbone, image: { width: 4096, height: 4096 } },
        head: { ...m.head, cellsPerPatch: 4, innerWidth: 5 },
      }),
      "expected at most 67108864 numbers of an image",
    ],
    [
      "imageDetection",
      (m) => ({ ...m, calibration: { threshold: 2, overlap: 0.5 } }),
      `"calibration.threshold"`,
    ],
    ["imageDetection", (m) => ({ ...m, head: { ...m.head, kind: "segmentation" } }), `"head.kind"`],
    ["imageDetection", (m) => ({ ...m, head: { ...m.head, usualReach: 0 } }), `"head.usualReach"`],
    [
      "imageDetection",
      (m) => ({ ...m, metrics: { test: { rows: 1, main: "a", figures: { b: 1 } } } }),
      "expected the main figure to be among the figures",
    ],
    [
      "imageDetection",
      (m) => ({ ...m, sites: { firstLayer: 2, layers: 2, rank: 1 }, method: "lora" }),
      `"sites": layers 2 to 3 don't exist in a backbone of 3`,
    ],
    [
      "imageClassification",
      (m) => ({ ...m, sites: { firstLayer: 1, layers: 2, width: 10 }, method: "bias" }),
      `"method": biases are learnt on a backbone of texts`,
    ],
    [
      "textClassification",
      (m) => ({ ...m, sites: { firstLayer: 1, layers: 1, width: 10 }, method: "bias" }),
      `"sites": expected biases up to the last layer, 2`,
    ],
    [
      "textClassification",
      (m) => ({ ...m, sites: { firstLayer: 1, layers: 2, width: 1e6 }, method: "bias" }),
      `"sites.width"`,
    ],
  ];

  test.each(cases)("%s %#", (use, change, message) => {
    const manifest = change(sampleManifest(use, "kv") as unknown as Changeable);
    expect(() => parseManifest(manifest)).toThrow(expect.objectContaining({ code: "bad_prompt" }));
    expect(() => parseManifest(manifest)).toThrow(message);
  });
});

describe("a head on patches", () => {
  it("has the tensors that its spec asks for, the spec made of backbone, labels and head", () => {
    const segmentation = samplePrompt("imageSegmentation", "kv");
    if (!isFor(segmentation, "imageSegmentation")) throw new Error("another use");
    const spec = segmentationSpec(segmentation.manifest);
    expect(spec).toEqual({
      width: 3,
      height: 2,
      hiddenSize: 6,
      layers: 3,
      classes: 2,
      innerWidth: 5,
      cellsPerPatch: 2,
      cellWidth: 4,
    });
    expect(Object.keys(segmentation.head.numbers)).toEqual(segmentationTensors(spec).map(({ name }) => name));
    const { manifest } = segmentation;
    const byCell = segmentationSpec({ ...manifest, head: { ...manifest.head, byCell: true } });
    expect(byCell).toEqual({ ...spec, byCell: true });

    const detection = samplePrompt("imageDetection", "head");
    if (!isFor(detection, "imageDetection")) throw new Error("another use");
    expect(detectionSpec(detection.manifest)).toMatchObject({
      layers: 1,
      classes: 3,
      cellSize: 4,
      usualReach: 2,
    });
    for (const { name, dims } of detectionTensors(detectionSpec(detection.manifest)))
      expect(detection.head.numbers[name]!.length).toBe(dims.reduce((a, b) => a * b, 1));
  });

  it("of another shape than its spec's is refused by the tensor's name", async () => {
    const manifest = sampleManifest("imageDetection", "head");
    const other = { ...manifest, head: { ...manifest.head, innerWidth: 6 } } as PromptManifest;
    const prompt = { ...filled(other), manifest } as ReturnType<typeof filled>;
    expect(() => encodePrompt(prompt, { storage: "float32" })).toThrow();
  });
});

it("a prompt of one use isn't taken for another", async () => {
  const stored = await decodePrompt(
    encodePrompt(samplePrompt("imageDetection", "kv"), { storage: "float16" }),
  );
  expect(expectUse(stored, "imageDetection")).toBe(stored);
  expect(() => expectUse(stored, "textClassification")).toThrowErrorMatchingInlineSnapshot(
    `[KilotuneError: expected a prompt for classification of texts, but saw one for detection of images]`,
  );
});

describe("a prompt for images on another backbone", () => {
  const { backbone } = sampleManifest("imageClassification", "kv");
  const { licence: _, ...same } = backbone;
  const refusal = (identity: object) => {
    try {
      assertCompatible({ backbone }, { ...same, ...identity } as typeof backbone);
      return "accepted";
    } catch (error) {
      return (error as Error).message;
    }
  };

  it("is accepted on its own", () => expect(refusal({ id: "elsewhere" })).toBe("accepted"));

  it("of texts is refused, whatever its hashes", () => {
    const { licence: _, ...texts } = sampleManifest("textClassification", "kv").backbone;
    expect(() => assertCompatible({ backbone }, texts)).toThrow(
      expect.objectContaining({ code: "backbone_mismatch" }),
    );
    const forged = {
      ...texts,
      weightsSha256: backbone.weightsSha256,
      preprocessingSha256: backbone.preprocessingSha256,
    };
    expect(() => assertCompatible({ backbone }, forged)).toThrow("a tokenizer of SHA-256 none, for images");
  });

  it.each([
    [{ weightsSha256: "0f".repeat(32) }, "weights of SHA-256"],
    [{ preprocessingSha256: "0f".repeat(32) }, "preprocessing settings of SHA-256"],
    [{ image: { width: 8, height: 8 } }, "images of 12 x 8, but saw 8 x 8"],
    [{ patchSize: 2 }, "patches of 4, but saw 2"],
  ])("%o", (change, message) => expect(refusal(change)).toContain(message));
});
