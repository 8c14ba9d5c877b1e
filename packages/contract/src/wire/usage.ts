import { z } from "zod";
import { Count } from "./values.ts";

const Day = z.iso.date().meta({ description: "UTC day, YYYY-MM-DD" });

export const UsageQuery = z.strictObject({
  from: Day.optional().meta({ description: "Default: 30 days ago" }),
  to: Day.optional().meta({ description: "Included; default today" }),
});
export type UsageQuery = z.infer<typeof UsageQuery>;

export const UsageList = z
  .object({
    object: z.literal("list"),
    data: z.array(
      z.object({
        object: z.literal("usage.day"),
        date: z.string(),
        model: z.string().meta({ description: "As answered; tuning counts for the backbone" }),
        requests: Count,
        tokens: Count,
        images: Count,
        tuning_seconds: z.number(),
      }),
    ),
    stored_bytes: Count.meta({ description: "Now: files, prompts and checkpoints" }),
  })
  .meta({ id: "UsageList" });
export type UsageList = z.infer<typeof UsageList>;
