import { KilotuneError } from "@kilotune/contract";
import { z } from "zod";
import { printable, quote } from "./quote.ts";

/** The key of the safetensors metadata under which the manifest stands, as canonical JSON. */
export const MANIFEST_KEY = "kilotune.prompt";

export const PROMPT_FORMAT = "kilotune.prompt/1";

const positiveInteger = z.int().positive();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 lower-case hex digits");
const name = z.string().min(1).max(500);
const share = z.number().min(0).max(1);

/** The frozen model that the prompt was tuned on, and on which alone it means anything. */
const backbone = z.strictObject({
  /** For people; what binds are the three hashes. Never looked up as a path or an address. */
  id: name,
  weightsSha256: sha256,
  tokenizerSha256: sha256,
  preprocessingSha256: sha256,
  licence: name,
  layers: positiveInteger,
  hiddenSize: positiveInteger,
  /** Key and value heads of a layer. */
  heads: positiveInteger,
  headDim: positiveInteger,
});

const head = z.strictObject({ kind: z.enum(["cosine", "linear", "mlp"]), scale: z.number().positive() });

/** How the backbone reads a text with this prompt; absent: by its own pooling, the text's positions counted from 0. */
const reading = z.strictObject({
  /** The state that the head reads: of the first position, a soft token; or of the text's [CLS], behind the prompt. */
  pooling: z.enum(["first_position", "cls_after_prompt"]),
  /** Whether the positions of the text count from 0, or from the number of prompt tokens. */
  textPositions: z.enum(["from_zero", "after_prompt"]),
});

/** The file of another system that the prompt was read from; names and versions as it gave them. */
const origin = z.strictObject({
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

const receipt = z.strictObject({
  dataSha256: sha256,
  seed: z.int(),
  settings: z.record(z.string(), z.union([z.string(), z.number()], "expected a string or a number")),
  codeVersion: name,
  epochs: z.int().nonnegative(),
  trainRows: positiveInteger,
});

const score = z.strictObject({
  rows: positiveInteger,
  accuracy: share,
  macroF1: share,
  interval: z.tuple([z.number(), z.number()]).readonly(),
});

const labels = z
  .array(z.string().min(1))
  .min(1)
  .readonly()
  .superRefine((list, context) => {
    const firstIndex = new Map<string, number>();
    for (const [index, label] of list.entries()) {
      const first = firstIndex.get(label);
      if (first !== undefined) {
        context.addIssue(`${quote(label)} is there twice, at ${first} and ${index}`);
        return;
      }
      firstIndex.set(label, index);
    }
  });

const shared = {
  format: z.literal(PROMPT_FORMAT),
  title: z.exactOptional(z.string().max(500)),
  task: z.literal("classification"),
  /** Row c of the head is class labels[c]. Any strings, each once; the order is data. */
  labels,
  backbone,
  head,
  /** Divides the logits before the softmax; fitted on held-out rows. */
  calibration: z.strictObject({ temperature: z.number().positive() }),
  /** Texts are cut to this many tokens, special tokens included, prompt tokens not. */
  maxTokens: positiveInteger,
  storage: z.enum(["float16", "float32"]),
  /** No times in here nor in the metrics: the same seed must give the same bytes. A prompt that wasn't imported has it. */
  receipt: z.exactOptional(receipt),
  /** In place of the receipt: nothing is known of the tuning. */
  origin: z.exactOptional(origin),
  reading: z.exactOptional(reading),
  /** Measured with the numbers as stored: see roundToStorage. */
  metrics: z.strictObject({ heldOut: z.exactOptional(score), test: z.exactOptional(score) }),
};

const kvSites = z.strictObject({
  firstLayer: z.int().nonnegative(),
  layers: positiveInteger,
  tokens: positiveInteger,
});

const softSites = z.strictObject({ tokens: positiveInteger });

const schema = z
  .discriminatedUnion(
    "method",
    [
      z.strictObject({ method: z.literal("kv"), sites: kvSites, ...shared }),
      z.strictObject({ method: z.literal("soft"), sites: softSites, ...shared }),
      z.strictObject({ method: z.literal("head"), ...shared }),
    ],
    'expected "kv", "soft" or "head"',
  )
  .superRefine((manifest, context) => {
    const { receipt, origin, reading } = manifest;
    const refuse = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    if ((receipt === undefined) === (origin === undefined))
      refuse("receipt", `expected either a receipt or an origin, received ${receipt ? "both" : "neither"}`);
    if (reading?.pooling === "first_position" && manifest.method !== "soft")
      refuse("reading", `a prompt of method "${manifest.method}" has no position before the text's first`);
    if (manifest.method !== "kv") return;
    const { firstLayer, layers } = manifest.sites;
    if (firstLayer + layers <= manifest.backbone.layers) return;
    refuse(
      "sites",
      `layers ${firstLayer} to ${firstLayer + layers - 1} don't exist in a backbone of ${manifest.backbone.layers}`,
    );
  });

/** All that is known of a prompt besides its numbers. It travels in the file's metadata. */
export type PromptManifest = z.infer<typeof schema>;

/** Throws `unsupported_prompt_version` or `bad_prompt`, naming the first faults by their place in the manifest. */
export function parseManifest(value: unknown): PromptManifest {
  refuseOtherFormat(value);
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.slice(0, MAX_FAULTS).map(describeIssue);
  const more = parsed.error.issues.length - faults.length;
  throw new KilotuneError(
    "bad_prompt",
    `prompt manifest: ${faults.join("; ")}${more > 0 ? `; and ${more} more` : ""}`,
    "The file was damaged or written by other software: fetch it again, or tune again.",
  );
}

const MAX_FAULTS = 3;

/** First, since the faults that this schema finds in another version's manifest would only mislead. */
function refuseOtherFormat(value: unknown): void {
  const format = typeof value === "object" && value !== null && "format" in value ? value.format : undefined;
  if (format === PROMPT_FORMAT) return;
  throw new KilotuneError(
    "unsupported_prompt_version",
    `prompt manifest: expected format "${PROMPT_FORMAT}", but saw ${quote(format)}`,
    "The prompt was written by another version of Kilotune: update Kilotune, or tune again with this one.",
  );
}

function describeIssue({ path, message, input }: z.core.$ZodIssue): string {
  const place = path.length === 0 ? "" : `${quote(path.join("."))}: `;
  const isTold = typeof input === "object" || message.includes("received");
  return `${place}${printable(message)}${isTold ? "" : `, but saw ${quote(input)}`}`;
}
