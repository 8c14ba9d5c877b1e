import { z } from "zod";
import { Methods } from "./backbones.ts";
import { Id, UnixSeconds } from "./values.ts";

export const ModelObject = z
  .object({
    id: Id,
    object: z.literal("model"),
    created: UnixSeconds,
    owned_by: z.string().meta({ description: "`kilotune` for a shared backbone, else your tenant's id" }),
    methods: Methods.optional(),
  })
  .meta({ id: "Model" });
export type ModelObject = z.infer<typeof ModelObject>;

/** Whole, as OpenAI's: its client doesn't page here. */
export const ModelList = z
  .object({ object: z.literal("list"), data: z.array(ModelObject) })
  .meta({ id: "ModelList" });

export const ModelDeleted = z
  .object({ id: Id, object: z.literal("model"), deleted: z.literal(true) })
  .meta({ id: "ModelDeleted" });
export type ModelDeleted = z.infer<typeof ModelDeleted>;
