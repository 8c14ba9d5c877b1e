import { z } from "zod";
import { pageOf } from "./page.ts";
import { ModelName, UnixSeconds } from "./values.ts";

const Canary = z.strictObject({
  model: ModelName,
  share: z.number().min(0).max(1).meta({ description: "Of the calls, 0 to 1" }),
});

export const AliasPut = z
  .strictObject({ model: ModelName, canary: Canary.nullish() })
  .meta({ id: "AliasPut" });
export type AliasPut = z.infer<typeof AliasPut>;

const Target = z.object({
  model: z.string(),
  canary: z.object({ model: z.string(), share: z.number() }).nullable(),
});

export const AliasObject = Target.extend({
  object: z.literal("alias"),
  id: z.string().meta({ description: "Its name: 1 to 64 letters, digits, `.`, `_` and `-`" }),
  previous: Target.nullable().meta({ description: "What it pointed to before: where a rollback goes" }),
  updated_at: UnixSeconds,
}).meta({ id: "Alias" });
export type AliasObject = z.infer<typeof AliasObject>;

export const AliasPage = pageOf(AliasObject).meta({ id: "AliasPage" });

export const AliasDeleted = z
  .object({ id: z.string(), object: z.literal("alias"), deleted: z.literal(true) })
  .meta({ id: "AliasDeleted" });
export type AliasDeleted = z.infer<typeof AliasDeleted>;
