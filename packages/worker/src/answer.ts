import type { Backbone } from "@kilotune/backbone";
import { float32, type Feeds } from "@kilotune/engine";
import type { Head, Prompt } from "@kilotune/prompt";
import { embed, type LinearSession, normalizeRows } from "@kilotune/tuner";
import type { PreparedRows } from "./prepare.ts";

/** Logits [rows, classes] flat of a prompt on prepared rows, whose store begins at the prompt's first layer. */
export async function answer(
  backbone: Backbone,
  linear: LinearSession,
  prompt: Prompt,
  rows: Pick<PreparedRows, "store" | "vectors">,
): Promise<Float32Array> {
  return headLogits(linear, prompt.head, await promptedVectors(backbone, prompt, rows));
}

export async function headLogits(
  linear: LinearSession,
  head: Head,
  vectors: Float32Array,
): Promise<Float32Array> {
  const hiddenSize = linear.hiddenSize;
  const cosine = head.kind === "cosine";
  const weight = cosine ? normalizeRows(head.weight.slice(), hiddenSize) : head.weight;
  const bias = cosine ? new Float32Array(weight.length / hiddenSize) : head.bias;
  const scaled = (values: Float32Array) =>
    head.scale === 1 ? values : values.map((value) => value * head.scale);
  return linear.logits(vectors, scaled(weight), bias);
}

async function promptedVectors(
  backbone: Backbone,
  prompt: Prompt,
  rows: Pick<PreparedRows, "store" | "vectors">,
): Promise<Float32Array> {
  if (prompt.method === "head") return rows.vectors;
  const site =
    prompt.method === "soft"
      ? ({ kind: "soft" } as const)
      : ({ kind: "kv", firstLayer: prompt.manifest.sites.firstLayer } as const);
  const upper = await backbone.open({ kind: "upper", site });
  try {
    return await embed(upper, rows.store, backbone.manifest.config.hiddenSize, promptTensor(prompt));
  } finally {
    await upper.release();
  }
}

function promptTensor(prompt: Exclude<Prompt, { method: "head" }>): Feeds {
  if (prompt.method === "soft") {
    const { data, tokens, hidden } = prompt.soft;
    return { soft: float32(data, [tokens, hidden]) };
  }
  const { data, layers, heads, tokens, headDim } = prompt.kv;
  return { kv: float32(data, [layers, 2, heads, tokens, headDim]) };
}
