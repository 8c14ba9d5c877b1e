import { z } from "zod";
import { Count, Id, UnixSeconds } from "./values.ts";

/** The file behind a tuned model: the same bytes for ever, since its id is their SHA-256. */
export const PromptObject = z
  .object({
    id: Id,
    object: z.literal("prompt"),
    created_at: UnixSeconds,
    model: z.string().meta({ description: "The tuned model that it is" }),
    backbone: z.string(),
    bytes: Count,
  })
  .meta({ id: "Prompt" });
export type PromptObject = z.infer<typeof PromptObject>;

export const PromptList = z
  .object({ object: z.literal("list"), data: z.array(PromptObject) })
  .meta({ id: "PromptList" });
