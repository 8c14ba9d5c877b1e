import type { Head } from "@kilotune/prompt";
import type { LinearHead, LinearSession } from "@kilotune/tuner";
import { normalizeRows } from "@kilotune/tuner";

export function linearHead({ weight, bias }: LinearHead): Head {
  return { kind: "linear", weight, bias, scale: 1 };
}

/** Cosines lie within a narrow band; this is the scale that tuning uses too. */
export function meansHead(weight: Float32Array): Head {
  return { kind: "cosine", weight, scale: 20 };
}

/** @param vectors of length one, [rows, H] flat */
export async function headLogits(
  linear: LinearSession,
  head: Head,
  vectors: Float32Array,
): Promise<Float32Array> {
  if (head.kind === "mlp")
    throw new Error("vectors of length one don't do for a head that reads pooled states");
  const hiddenSize = linear.hiddenSize;
  const cosine = head.kind === "cosine";
  const weight = cosine ? normalizeRows(head.weight.slice(), hiddenSize) : head.weight;
  const bias = cosine ? new Float32Array(weight.length / hiddenSize) : head.bias;
  const scaled = (values: Float32Array) =>
    head.scale === 1 ? values : values.map((value) => value * head.scale);
  return linear.logits(vectors, scaled(weight), bias);
}
