import { isCodedError, KilotuneError, parsePromptId, parseTenantId, TASKS } from "@kilotune/contract";
import { z } from "zod";

/** What `api` and `batch` send to `infer`, and what comes back: JSON of at most 6 MB each way, as Lambda has it. */

const Text = z.string().min(1);
const Texts = z.array(Text).min(1).max(2048);
const Inputs = z
  .array(z.union([Text, z.strictObject({ text: Text, text_pair: Text })]))
  .min(1)
  .max(2048);
const Tenant = z.string().refine((text) => parseTenantId(text) !== undefined);

const PromptRef = z.string().refine((text) => parsePromptId(text) !== undefined);

export const InferRequest = z.discriminatedUnion("task", [
  z.strictObject({
    task: z.literal("classify"),
    tenant: Tenant,
    promptId: PromptRef,
    inputs: Inputs,
    topK: z.int().positive().optional(),
  }),
  z.strictObject({ task: z.literal("estimate"), tenant: Tenant, promptId: PromptRef, inputs: Inputs }),
  z.strictObject({
    task: z.literal("embed"),
    tenant: Tenant,
    promptId: PromptRef.optional(),
    inputs: Texts,
  }),
  // A prompt's file from outside: this function has the backbone that it is held against.
  z.strictObject({ task: z.literal("accept"), tenant: Tenant, file: z.base64().min(1) }),
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
  z.object({ embedded: Embedded }),
  z.object({ accepted: Accepted }),
  z.object({ error: Refused }),
]);
export type InferAnswer = z.infer<typeof InferAnswer>;

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
