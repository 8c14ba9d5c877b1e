import { invalidField } from "@kilotune/contract/wire";
import type { z } from "zod";

/** A field of a form, by its schema. @throws KilotuneError `invalid_request` naming it */
export function field<Schema extends z.ZodType>(
  name: string,
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalidField(parsed.error, name);
}
