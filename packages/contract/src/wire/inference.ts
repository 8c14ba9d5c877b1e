import { z } from "zod";
import { Images } from "./images.ts";
import { Count, ModelName } from "./values.ts";

/** A call's rows are answered together, so one call may not fill the queue of all tenants. */
export const MAX_INPUTS = 2048;
/** UTF-16 units of a text, as in training rows. What the backbone doesn't read is flagged `truncated`. */
export const MAX_INPUT_LENGTH = 100_000;

const Text = z
  .string()
  .min(1)
  .max(MAX_INPUT_LENGTH)
  // The linter's rules for training rows.
  .refine((text) => /\S/.test(text), "must have more than blanks")
  .refine((text) => text.isWellFormed(), "must be valid Unicode, without half surrogate pairs");
const Texts = z.union([Text, z.array(Text).min(1).max(MAX_INPUTS)]).meta({
  description: `One text, or up to ${MAX_INPUTS}`,
  examples: ["Where is my parcel?"],
});

const Pair = z.strictObject({ text: Text, text_pair: Text });
const AnyText = z.union([Text, Pair]);
const TextsOrPairs = z.union([AnyText, z.array(AnyText).min(1).max(MAX_INPUTS)]).meta({
  description: `One text, or up to ${MAX_INPUTS}; for a model of pairs {text, text_pair} each`,
  examples: ["Where is my parcel?"],
});
/** What a model is asked to read: a text, or two of them. */
export type TextOrPair = z.infer<typeof AnyText>;

const Usage = z.object({
  prompt_tokens: Count,
  total_tokens: Count,
});

/** What a model says of each row of a call, in their order. */
function answersOf<Row extends z.ZodType, Used extends z.ZodType>(row: Row, usage: Used) {
  return z.object({
    object: z.literal("list"),
    model: z.string().meta({ description: "The model that answered: where an alias was asked, its target" }),
    data: z.array(row),
    usage,
  });
}

export const ClassifyRequest = z
  .strictObject({
    model: ModelName,
    input: TextsOrPairs.optional(),
    images: Images.optional().meta({ description: "In place of `input`, for a model of images" }),
    top_k: z.int().min(1).max(1000).optional().meta({ description: "How many scores; default all" }),
    user: z.string().max(512).optional(),
  })
  .refine(({ input, images }) => (input === undefined) !== (images === undefined), {
    path: ["input"],
    message: "expected either texts (`input`) or images (`images`)",
  })
  .meta({ id: "ClassifyRequest", description: "Either `input` or `images`" });
export type ClassifyRequest = z.infer<typeof ClassifyRequest>;

export const ClassifyResponse = answersOf(
  z.object({
    index: Count,
    label: z.string(),
    score: z.number().meta({ description: "Calibrated probability of the label" }),
    scores: z.record(z.string(), z.number()),
    labels: z
      .array(z.object({ label: z.string(), score: z.number() }))
      .optional()
      .meta({
        description: "Of a model of several labels: those that reached their threshold, the likeliest first",
      }),
    out_of_scope: z.boolean().optional().meta({
      description: "Of a model that knows what is none of its labels': whether this is",
    }),
    truncated: z.boolean(),
  }),
  Usage.extend({ images: Count.optional().meta({ description: "Where images were asked about" }) }),
).meta({ id: "ClassifyResponse" });
export type ClassifyResponse = z.infer<typeof ClassifyResponse>;

export const EstimateRequest = z
  .strictObject({ model: ModelName, input: TextsOrPairs, user: z.string().max(512).optional() })
  .meta({ id: "EstimateRequest" });
export type EstimateRequest = z.infer<typeof EstimateRequest>;

export const EstimateResponse = answersOf(
  z.object({
    index: Count,
    value: z.number().meta({ description: "In the unit of the training rows" }),
    truncated: z.boolean(),
  }),
  Usage,
).meta({ id: "EstimateResponse" });
export type EstimateResponse = z.infer<typeof EstimateResponse>;

export const TagRequest = z
  .strictObject({ model: ModelName, input: Texts, user: z.string().max(512).optional() })
  .meta({ id: "TagRequest" });
export type TagRequest = z.infer<typeof TagRequest>;

export const TagResponse = answersOf(
  z.object({
    index: Count,
    spans: z
      .array(
        z.object({
          label: z.string(),
          text: z.string().meta({ description: "What stands there in the text as it was given" }),
          start: Count.meta({ description: "In UTF-16 units of the text as it was given" }),
          end: Count.meta({ description: "One past the last UTF-16 unit" }),
          score: z
            .number()
            .meta({ description: "Calibrated probability of the tag of the span's least sure word" }),
        }),
      )
      .meta({ description: "In the order of the text, none over another" }),
    truncated: z
      .boolean()
      .meta({ description: "Whether the text is longer than was read: no span is found in the rest" }),
  }),
  Usage,
).meta({ id: "TagResponse" });
export type TagResponse = z.infer<typeof TagResponse>;

/** OpenAI's. Its client asks for base64 unless told otherwise. Token ids aren't taken: they'd be another tokenizer's. */
export const EmbeddingsRequest = z
  .strictObject({
    model: ModelName,
    input: Texts,
    encoding_format: z.enum(["float", "base64"]).optional(),
    dimensions: z.int().min(1).max(65_536).optional().meta({ description: "Only the model's own size" }),
    user: z.string().max(512).optional(),
  })
  .meta({ id: "EmbeddingsRequest" });
export type EmbeddingsRequest = z.infer<typeof EmbeddingsRequest>;

export const EmbeddingsResponse = z
  .object({
    object: z.literal("list"),
    model: z.string(),
    data: z.array(
      z.object({
        object: z.literal("embedding"),
        index: Count,
        embedding: z
          .union([z.array(z.number()), z.string()])
          .meta({ description: "Numbers, or base64 of little-endian float32" }),
        truncated: z.boolean(),
      }),
    ),
    usage: Usage,
  })
  .meta({ id: "EmbeddingsResponse" });
export type EmbeddingsResponse = z.infer<typeof EmbeddingsResponse>;
