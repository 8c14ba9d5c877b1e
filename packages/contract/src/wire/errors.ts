import { z } from "zod";

/** OpenAI's shape, so that its clients raise the right class with our words. */
export const ErrorBody = z
  .object({
    error: z.object({
      message: z.string().meta({ description: "What was expected, what was seen, what to try" }),
      type: z.string(),
      param: z.string().nullable().meta({ description: "The field of the body or query that is wrong" }),
      code: z.string().meta({ description: "Stable; tell errors apart by it" }),
      made: z
        .string()
        .optional()
        .meta({ description: "Of `already_made`: the id of what the first call made" }),
      issues: z
        .array(
          z.object({
            line: z.int(),
            column: z.int(),
            code: z.string(),
            message: z.string(),
            hint: z.string(),
          }),
        )
        .optional()
        .meta({ description: "Every bad line of a refused file" }),
    }),
  })
  .meta({ id: "Error" });
export type ErrorBody = z.infer<typeof ErrorBody>;
