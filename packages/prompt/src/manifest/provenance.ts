import { z } from "zod";
import { name, positiveInteger, type Refuse, sha256, share } from "./fields.ts";

/** Where a prompt comes from, and what was measured of it. */

/** A prompt has at most 128 virtual tokens. */
export const MAX_INIT_TEXT = 2000;

/** The file of another system that the prompt was read from; names and versions as it gave them. */
export const origin = z.strictObject({
  format: z.enum(["peft", "p-tuning-v2", "tgis", "npy", "tensor"]),
  /** What that system calls the method, e.g. "PREFIX_TUNING". */
  kind: z.exactOptional(name),
  version: z.exactOptional(name),
  /** For people, like `backbone.id`. */
  baseModel: z.exactOptional(name),
  /** The one of several tasks that the file held. */
  task: z.exactOptional(z.int().nonnegative()),
  /** Of the file that held the prompt's tensors. */
  sha256,
});

/** What a prompt's numbers started as, where that isn't at random. */
const init = z.union([
  z.enum(["vocabulary", "labels", "examples"]),
  z.strictObject({ text: z.string().min(1).max(MAX_INIT_TEXT) }),
  /** Of the file of another prompt. */
  z.strictObject({ prompt: sha256 }),
]);

/** What a prompt was learnt through; the file holds what came of it. */
const reparam = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("low-rank"), rank: positiveInteger }),
  z.strictObject({ kind: z.literal("mlp"), width: positiveInteger }),
]);

/** What a job was told, as far as it decides the numbers: what was left out, the job chose. */
const asked = z.strictObject({
  method: name,
  tokens: z.exactOptional(positiveInteger),
  firstLayer: z.exactOptional(z.int().nonnegative()),
  init: z.exactOptional(init),
  reparam: z.exactOptional(reparam),
  shots: z.exactOptional(positiveInteger),
  epochs: z.union([positiveInteger, z.literal("auto")]),
  /** What a sweep found. */
  settings: z.exactOptional(z.record(z.string(), z.number())),
  /** The method was published whatever held-out rows said of it. */
  publishAsked: z.exactOptional(z.literal(true)),
  /** Rows that are nearly the same, or of one patient, were held out together; left out where they weren't, or there were none. */
  together: z.exactOptional(z.literal(true)),
  /** Images were looked at in tiles. */
  tiles: z.exactOptional(z.literal(true)),
});

/** What rounds the numbers: another one may round otherwise, and never by more than a float32 does. */
const engine = z.strictObject({
  /** Name and version, e.g. "onnxruntime-node 1.30.0". */
  runtime: name,
  /** Of Node, e.g. "linux-x64". */
  platform: name,
  /** The widest that the CPU has of those which choose kernels, where that is known. */
  instructions: z.exactOptional(name),
  /** What computed, where it wasn't the CPU. */
  device: z.exactOptional(z.literal("cuda")),
});

/** All that `kilotune reproduce` needs besides the data. Files of older versions lack what is optional. */
export const receipt = z.strictObject({
  dataSha256: sha256,
  seed: z.int(),
  settings: z.record(z.string(), z.union([z.string(), z.number()], "expected a string or a number")),
  codeVersion: name,
  epochs: z.int().nonnegative(),
  /** Texts, or images. */
  trainRows: positiveInteger,
  /** Of a file of its own; absent: rows were held out of the training rows. `dataSha256` is of both. */
  validationRows: z.exactOptional(z.int().nonnegative()),
  asked: z.exactOptional(asked),
  engine: z.exactOptional(engine),
});

export type Receipt = z.infer<typeof receipt>;

/** Of precision and recall by class, thresholds and sizes there may be many. */
const MAX_FIGURES = 200;

const interval = z.tuple([z.number(), z.number()]).readonly();

/** Of a classification. */
const accuracies = z.strictObject({ rows: positiveInteger, accuracy: share, macroF1: share, interval });

/** Of any other task: its own figures by name, of which one is the task's. */
const figures = z
  .strictObject({
    rows: positiveInteger,
    /** The figure that prompts of the task are compared by, such as "meanIou". */
    main: name,
    figures: z.record(name, z.number()),
    /** Of the main figure, where it was asked for. */
    interval: z.exactOptional(interval),
  })
  .refine(
    ({ main, figures }) => Object.hasOwn(figures, main),
    "expected the main figure to be among the figures",
  )
  .refine(
    ({ figures }) => Object.keys(figures).length <= MAX_FIGURES,
    `expected at most ${MAX_FIGURES} figures`,
  );

/** Measured with the numbers as stored: see roundToStorage. */
export const accuracyMetrics = z.strictObject({
  heldOut: z.exactOptional(accuracies),
  test: z.exactOptional(accuracies),
});

export const figureMetrics = z.strictObject({
  heldOut: z.exactOptional(figures),
  test: z.exactOptional(figures),
});

export function checkProvenance(
  { receipt, origin }: { readonly receipt?: object; readonly origin?: object },
  refuse: Refuse,
): void {
  if ((receipt === undefined) !== (origin === undefined)) return;
  refuse("receipt", `expected either a receipt or an origin, received ${receipt ? "both" : "neither"}`);
}
