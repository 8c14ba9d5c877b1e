import { z } from "zod";
import { imageBackbone, textBackbone } from "./backbones.ts";
import { integerUpTo, positive, positiveInteger, type Refuse, share } from "./fields.ts";
import { labels, mapLabels, tagLabels } from "./labels.ts";
import { accuracyMetrics, figureMetrics } from "./provenance.ts";

/**
 * What a prompt is for: a task on texts or on images. Each has its labels, its head, and what brings the head's numbers to
 * an answer, fitted on held-out rows (`calibration`).
 */

/** On vectors of length one, but for mlp. */
const textHead = z.strictObject({ kind: z.enum(["cosine", "linear", "mlp"]), scale: positive });

/** Of an image the class token or the mean of the patches, at length one. */
const imageHead = z.strictObject({
  kind: z.enum(["cosine", "linear"]),
  scale: positive,
  feature: z.enum(["cls", "mean"]),
});

/** The vector itself is the answer. */
const noHead = z.strictObject({ kind: z.literal("none") });

/**
 * Of a patch head's spec (@kilotune/heads) what doesn't follow from backbone and labels. The caps bound what a graph made of
 * a stranger's file may take.
 */
const patchHead = {
  /** Layers whose tokens are read besides the last one's, by how many lie below. */
  taps: z.array(positiveInteger).max(8).readonly(),
  innerWidth: integerUpTo(512),
};

/** Cells across and down in each patch. */
const cellsPerPatch = integerUpTo(32);

const segmentationHead = z.strictObject({
  kind: z.literal("segmentation"),
  ...patchHead,
  cellsPerPatch,
  cellWidth: integerUpTo(512),
  /** Whether a patch says something of each of its cells; files without it are older. */
  byCell: z.exactOptional(z.literal(true)),
});

const detectionHead = z.strictObject({
  kind: z.literal("detection"),
  ...patchHead,
  cellsPerPatch,
  usualReach: positive.max(4096),
});

/** Divides the logits before the softmax, or the sigmoid. */
const temperature = positive;

const classes = z.strictObject({
  temperature,
  /**
   * Below this score an input is none of the labels'. probability: of the likeliest label, as calibrated; energy: the
   * temperature times the logarithm of the sum of e^(logit / temperature).
   */
  outOfScope: z.exactOptional(
    z.strictObject({ score: z.enum(["probability", "energy"]), threshold: z.number() }),
  ),
});

/** From which probability on each label is given, in the order of the labels. */
const thresholds = z.strictObject({ temperature, thresholds: z.array(share).readonly() });

/** Of the number that was learnt: an answer is mean + scale * logit. */
const target = z.strictObject({ mean: z.number(), scale: positive });

/** Below this score nothing is said; of two boxes of one label that overlap more, the surer one stands. */
const detections = z.strictObject({ threshold: share, overlap: share });

/** How the backbone reads a text with this prompt; absent: by its own pooling, the text's positions counted from 0. */
const reading = z.strictObject({
  /** The state that the head reads: of the first position, a soft token; or of the text's [CLS], behind the prompt. */
  pooling: z.enum(["first_position", "cls_after_prompt"]),
  /** Whether the positions of the text count from 0, or from the number of prompt tokens. */
  textPositions: z.enum(["from_zero", "after_prompt"]),
});

const texts = {
  backbone: textBackbone,
  head: textHead,
  /** Texts are cut to this many tokens, special tokens included, prompt tokens not. */
  maxTokens: positiveInteger,
  reading: z.exactOptional(reading),
};

export type Reading = z.infer<typeof reading>;

/** Absent: one text. */
const maybePair = { input: z.exactOptional(z.literal("text_pair")) };

const images = { input: z.literal("image"), backbone: imageBackbone };

const classification = {
  task: z.literal("classification"),
  labels,
  calibration: classes,
  metrics: accuracyMetrics,
};
const multiLabel = {
  task: z.literal("multi_label"),
  labels,
  calibration: thresholds,
  metrics: figureMetrics,
};

export const USES = {
  textClassification: { ...texts, ...maybePair, ...classification },
  textMultiLabel: { ...texts, ...maybePair, ...multiLabel },
  textRegression: {
    ...texts,
    ...maybePair,
    task: z.literal("regression"),
    /** The name of the number. */
    labels: labels.refine((list) => list.length === 1, "expected one label, the name of the number"),
    calibration: target,
    metrics: figureMetrics,
  },
  /** Each word by its first token. */
  textTagging: {
    ...texts,
    task: z.literal("tagging"),
    labels: tagLabels,
    calibration: z.strictObject({ temperature }),
    metrics: figureMetrics,
  },
  /** Vectors whose nearness means something. */
  textRetrieval: {
    ...texts,
    task: z.literal("retrieval"),
    labels: z.array(z.string()).length(0).readonly(),
    head: noHead,
    calibration: z.strictObject({}),
    metrics: figureMetrics,
  },
  imageClassification: { ...images, ...classification, head: imageHead },
  imageMultiLabel: { ...images, ...multiLabel, head: imageHead },
  imageSegmentation: {
    ...images,
    task: z.literal("segmentation"),
    labels: mapLabels,
    head: segmentationHead,
    calibration: z.strictObject({ temperature }),
    metrics: figureMetrics,
  },
  imageDetection: {
    ...images,
    task: z.literal("detection"),
    labels,
    head: detectionHead,
    calibration: detections,
    metrics: figureMetrics,
  },
};

export type UseName = keyof typeof USES;

type Uses = { [Name in UseName]: z.infer<z.ZodObject<(typeof USES)[Name], z.core.$strict>> };

/** What a manifest for it has of its own. */
export type Use<Name extends UseName> = Uses[Name];

/** Those of texts (`input` undefined), of pairs of them, or of images. */
export function usesOf(input: unknown): UseName[] {
  const names = Object.keys(USES) as UseName[];
  if (input === undefined) return names.filter((name) => USES[name].backbone === textBackbone);
  return names.filter((name) => {
    const use = USES[name];
    return "input" in use && use.input.safeParse(input).success;
  });
}

export type AnyUse = Uses[UseName];

export function checkUse(use: AnyUse, { method }: { readonly method: string }, refuse: Refuse): void {
  if ("reading" in use && use.reading?.pooling === "first_position" && method !== "soft")
    refuse("reading", `a prompt of method "${method}" has no position before the text's first`);
  switch (use.task) {
    case "multi_label":
      if (use.calibration.thresholds.length !== use.labels.length)
        refuse(
          "calibration.thresholds",
          `expected one for each of ${use.labels.length} labels, received ${use.calibration.thresholds.length}`,
        );
      return;
    case "retrieval":
      if (method === "head") refuse("method", `expected a prompt, received "head": nothing would be tuned`);
      return;
    case "segmentation":
    case "detection":
      checkPatchHead(use, refuse);
  }
}

/** Most numbers that a patch head may give of one image: 256 MB. */
const MAX_OUTPUTS = 2 ** 26;

function checkPatchHead(
  { head, backbone, labels, task }: Use<"imageSegmentation"> | Use<"imageDetection">,
  refuse: Refuse,
): void {
  const { taps, cellsPerPatch } = head;
  const { image, patchSize, layers } = backbone;
  const rises = taps.every((tap, at) => at === 0 || tap > taps[at - 1]!);
  if (!rises || taps.some((tap) => tap >= layers))
    refuse("head.taps", `expected numbers from 1 to ${layers - 1}, each once, the smallest first`);
  // The mean colours of cells are taken over whole pixels.
  if (task === "segmentation" && patchSize % cellsPerPatch !== 0)
    refuse("head.cellsPerPatch", `expected a divisor of the patch size ${patchSize}`);
  const cells = (image.width / patchSize) * (image.height / patchSize) * cellsPerPatch ** 2;
  // By cell, each hears of its eight neighbours.
  const around = "byCell" in head && head.byCell ? 9 * head.cellWidth : 0;
  const width =
    task === "segmentation" ? Math.max(labels.length, head.innerWidth, around) : labels.length + 4;
  if (cells * width > MAX_OUTPUTS)
    refuse(
      "head",
      `expected at most ${MAX_OUTPUTS} numbers of an image, received ${cells} cells of ${width}`,
    );
}
