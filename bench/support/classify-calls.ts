import type { Backbone } from "@kilotune/backbone";
import { prng } from "@kilotune/dataset";
import type { Call } from "./ask.ts";
import { exampleFile } from "./places.ts";
import type { PlantedTenant } from "./plant-tenants.ts";
import { readRows } from "./texts.ts";

/** Texts of exactly so many tokens, the two special ones not counted. */
export async function textsOfTokens(backbone: Backbone, tokens: number): Promise<string[]> {
  const files = ["train.jsonl", "validation.jsonl", "test.jsonl"];
  const rows = (await Promise.all(files.map((file) => readRows(exampleFile(file))))).flat();
  const texts = rows.map(({ text }) => text);
  return [...new Set(texts)].filter((text) => backbone.tokenizer.encode(text).tokens === tokens + 2);
}

/** A call for a text by each tenant, in an order without a pattern. */
export function classifyCalls(tenants: readonly PlantedTenant[], texts: readonly string[]): Call[] {
  const calls = tenants.flatMap(({ key, model }) => texts.map((text) => classifyCall(key, model, text)));
  prng(0, "calls").shuffle(calls);
  return calls;
}

export function classifyCall(key: string, model: string, input: string): Call {
  return { path: "/v1/classify", key, body: JSON.stringify({ model, input }) };
}
