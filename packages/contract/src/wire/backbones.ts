import { z } from "zod";
import { METHODS } from "../methods.ts";
import { Count, Id } from "./values.ts";

export const Methods = z
  .array(z.enum(METHODS))
  .meta({ description: "What jobs can tune it by, the default first" });

export const BackboneObject = z
  .object({
    id: Id,
    object: z.literal("backbone"),
    title: z.string(),
    licence: z.string(),
    tasks: z.array(z.string()).meta({ description: "What it can do, e.g. classify, embeddings" }),
    input: z.enum(["text", "image"]).optional().meta({ description: "What it reads; texts where left out" }),
    methods: Methods.optional(),
    hidden_size: Count,
    max_tokens: Count.nullable().meta({ description: "null: it reads images" }),
  })
  .meta({ id: "Backbone" });
export type BackboneObject = z.infer<typeof BackboneObject>;

export const BackboneList = z
  .object({ object: z.literal("list"), data: z.array(BackboneObject) })
  .meta({ id: "BackboneList" });
