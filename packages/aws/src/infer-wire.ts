import {
  isCodedError,
  KilotuneError,
  parseId,
  parsePromptId,
  parseTenantId,
  TASKS,
} from "@kilotune/contract";
import { z } from "zod";

/** What `api` and `batch` send to `infer`, and what comes back: JSON of at most 6 MB each way, as Lambda has it. */

const Text = z.string().min(1);
const Texts = z.array(Text).min(1).max(2048);
const Inputs = z
  .array(z.union([Text, z.strictObject({ text: Text, text_pair: Text })]))
  .min(1)
  .max(2048);
const Tenant = z.string().refine((text) => parseTenantId(text) !== undefined);
const Prompt = z.string().refine((text) => parsePromptId(text) !== undefined);

/** An image in base64, or the tenant's file that this function reads; `param`: its place in the tenant's own call. */
const Image = z.union([
  z.strictObject({ base64: z.string().min(1), param: z.string() }),
  z.strictObject({
    file: z.string().refine((text) => parseId("file", text) !== undefined),
    param: z.string(),
  }),
]);
const Images = z.array(Image).min(1).max(64);

const ImageRequests = [
  z.strictObject({
    task: z.literal("classify_images"),
    tenant: Tenant,
    promptId: Prompt,
    images: Images,
    topK: z.int().positive().optional(),
  }),
  z.strictObject({
    task: z.literal("segment"),
    tenant: Tenant,
    promptId: Prompt,
    images: Images,
    format: z.enum(["png", "rle", "polygons"]),
  }),
  z.strictObject({
    task: z.literal("detect"),
    tenant: Tenant,
    promptId: Prompt,
    images: Images,
    threshold: z.number().optional(),
    maxObjects: z.int().positive(),
  }),
] as const;
export type ImageRequest = z.infer<(typeof ImageRequests)[number]>;

export const InferRequest = z.discriminatedUnion("task", [
  z.strictObject({
    task: z.literal("classify"),
    tenant: Tenant,
    promptId: Prompt,
    inputs: Inputs,
    topK: z.int().positive().optional(),
  }),
  z.strictObject({ task: z.literal("estimate"), tenant: Tenant, promptId: Prompt, inputs: Inputs }),
  z.strictObject({ task: z.literal("tag"), tenant: Tenant, promptId: Prompt, inputs: Texts }),
  z.strictObject({
    task: z.literal("embed"),
    tenant: Tenant,
    promptId: Prompt.optional(),
    inputs: Texts,
  }),
  // A prompt's file from outside: this function has the backbone that it is held against.
  z.strictObject({ task: z.literal("accept"), tenant: Tenant, file: z.base64().min(1) }),
  ...ImageRequests,
]);
export type InferRequest = z.infer<typeof InferRequest>;

const Classified = z.object({
  labels: z.array(z.string()),
  rows: z.array(
    z.object({
      /** Place in `labels`, score; the likeliest first. */
      scores: z.array(z.tuple([z.int().nonnegative(), z.number()])).min(1),
      /** Those that a prompt of several labels gives, as `scores`. */
      given: z.array(z.tuple([z.int().nonnegative(), z.number()])).optional(),
      outOfScope: z.boolean().optional(),
      truncated: z.boolean(),
    }),
  ),
  tokens: z.int().nonnegative(),
});
export type Classified = z.infer<typeof Classified>;

const Estimated = z.object({
  rows: z.array(z.object({ value: z.number(), truncated: z.boolean() })),
  tokens: z.int().nonnegative(),
});

const Tagged = z.object({
  rows: z.array(
    z.object({
      spans: z.array(
        z.object({
          label: z.string(),
          start: z.int().nonnegative(),
          end: z.int().nonnegative(),
          score: z.number(),
        }),
      ),
      truncated: z.boolean(),
    }),
  ),
  tokens: z.int().nonnegative(),
});

const Embedded = z.object({
  rows: z.array(
    z.object({
      /** Base64 of little-endian float32. */
      vector: z.base64(),
      truncated: z.boolean(),
    }),
  ),
  tokens: z.int().nonnegative(),
});
export type Embedded = z.infer<typeof Embedded>;

const Size = { width: z.int().positive(), height: z.int().positive() };

const Segmented = z.array(
  z.object({
    ...Size,
    classes: z.array(z.object({ label: z.string(), share: z.number() })),
    /** Base64 of a PNG. */
    mask: z.string().optional(),
    segments: z
      .array(
        z.object({
          label: z.string(),
          segmentation: z.union([
            z.object({ size: z.tuple([z.int(), z.int()]), counts: z.string() }),
            z.array(z.array(z.number())),
          ]),
        }),
      )
      .optional(),
  }),
);
export type Segmented = z.infer<typeof Segmented>;

const Detected = z.array(
  z.object({
    ...Size,
    objects: z.array(
      z.object({
        label: z.string(),
        score: z.number(),
        box: z.tuple([z.number(), z.number(), z.number(), z.number()]),
      }),
    ),
  }),
);
export type Detected = z.infer<typeof Detected>;

const Accepted = z.object({ sha256: z.string(), backbone: z.string(), task: z.enum(TASKS) });

const Refused = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string(),
  kind: z.enum(["input", "usage", "machine"]),
  retryable: z.boolean(),
  param: z.string().nullable(),
});

export const InferAnswer = z.union([
  z.object({ classified: Classified }),
  z.object({ estimated: Estimated }),
  z.object({ tagged: Tagged }),
  z.object({ embedded: Embedded }),
  z.object({ segmented: Segmented }),
  z.object({ detected: Detected }),
  z.object({ accepted: Accepted }),
  z.object({ error: Refused }),
]);
export type InferAnswer = z.infer<typeof InferAnswer>;

interface Scored {
  readonly label: string;
  readonly score: number;
}

interface Ranked {
  readonly scores: readonly Scored[];
  readonly labels?: readonly Scored[];
  readonly outOfScope?: boolean;
  readonly truncated?: boolean;
}

/** Each label is named once, however many rows have it. */
export function compact(rows: readonly Ranked[]): Omit<Classified, "tokens"> {
  const places = new Map<string, number>();
  const placeOf = (label: string) => {
    const place = places.get(label) ?? places.size;
    places.set(label, place);
    return place;
  };
  const placed = ({ label, score }: Scored): [number, number] => [placeOf(label), score];
  const told = rows.map(({ scores, labels, outOfScope, truncated = false }) => ({
    scores: scores.map(placed),
    ...(labels && { given: labels.map(placed) }),
    ...(outOfScope === undefined ? {} : { outOfScope }),
    truncated,
  }));
  return { labels: [...places.keys()], rows: told };
}

/** The other way. */
export function named({ labels, rows }: Classified) {
  const scored = (places: readonly (readonly [number, number])[]) =>
    places.map(([at, score]) => ({ label: labels[at] as string, score }));
  return rows.map(({ scores: places, given, outOfScope, truncated }) => {
    const scores = scored(places);
    const [best] = scores as [(typeof scores)[0]];
    return {
      ...best,
      scores,
      ...(given && { labels: scored(given) }),
      ...(outOfScope === undefined ? {} : { outOfScope }),
      truncated,
    };
  });
}

/** An error as data: told apart by its code on the other side. Of what nobody foresaw not even the words. */
export function refusalOf(error: unknown): InferAnswer {
  if (!isCodedError(error))
    return {
      error: {
        code: "internal_error",
        message: "",
        hint: "",
        kind: "machine",
        retryable: true,
        param: null,
      },
    };
  const { code, message, hint, kind } = error;
  const { retryable = false, param = null } = error as Partial<KilotuneError>;
  return { error: { code, message, hint, kind, retryable, param } };
}

export function errorOf({ code, message, hint, ...options }: z.infer<typeof Refused>): KilotuneError {
  return new KilotuneError(code, message, hint, options);
}
