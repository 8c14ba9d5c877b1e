import type { Head, Prompt } from "./prompt.ts";
import type { PromptManifest } from "./manifest.ts";

/** The tensors of a file, by name. Which of them a prompt has, and how large, follows from its manifest alone. */
export type TensorName =
  | "kv"
  | "soft"
  | "head.dense.weight"
  | "head.dense.bias"
  | "head.weight"
  | "head.bias";

/** Name -> dims of just the tensors that a file with this manifest must hold (letters: see prompt.ts). */
export function expectedTensors(manifest: PromptManifest): ReadonlyMap<TensorName, readonly number[]> {
  const { hiddenSize, heads, headDim } = manifest.backbone;
  const classes = manifest.labels.length;
  const dims = new Map<TensorName, readonly number[]>();
  if (manifest.method === "kv") {
    dims.set("kv", [manifest.sites.layers, 2, heads, manifest.sites.tokens, headDim]);
  }
  if (manifest.method === "soft") dims.set("soft", [manifest.sites.tokens, hiddenSize]);
  if (manifest.head.kind === "mlp") {
    dims.set("head.dense.weight", [hiddenSize, hiddenSize]);
    dims.set("head.dense.bias", [hiddenSize]);
  }
  dims.set("head.weight", [classes, hiddenSize]);
  if (manifest.head.kind !== "cosine") dims.set("head.bias", [classes]);
  return dims;
}

/** The prompt's numbers by name. */
export function takeApart(prompt: Prompt): ReadonlyMap<TensorName, Float32Array> {
  const tensors = new Map<TensorName, Float32Array>();
  if (prompt.method === "kv") tensors.set("kv", prompt.kv.data);
  if (prompt.method === "soft") tensors.set("soft", prompt.soft.data);
  if (prompt.head.kind === "mlp") {
    tensors.set("head.dense.weight", prompt.head.dense);
    tensors.set("head.dense.bias", prompt.head.denseBias);
  }
  tensors.set("head.weight", prompt.head.weight);
  if (prompt.head.kind !== "cosine") tensors.set("head.bias", prompt.head.bias);
  return tensors;
}

/** The inverse of takeApart: `tensors` has all that the manifest asks for. */
export function assemble(manifest: PromptManifest, tensors: ReadonlyMap<TensorName, Float32Array>): Prompt {
  const { hiddenSize: hidden, heads, headDim } = manifest.backbone;
  const head = assembleHead(manifest, tensors);
  switch (manifest.method) {
    case "kv": {
      const { layers, tokens } = manifest.sites;
      const kv = { data: tensors.get("kv")!, layers, tokens, heads, headDim };
      return { method: "kv", manifest, kv, head };
    }
    case "soft": {
      const soft = { data: tensors.get("soft")!, tokens: manifest.sites.tokens, hidden };
      return { method: "soft", manifest, soft, head };
    }
    case "head":
      return { method: "head", manifest, head };
  }
}

function assembleHead({ head }: PromptManifest, tensors: ReadonlyMap<TensorName, Float32Array>): Head {
  const weight = tensors.get("head.weight")!;
  const { kind, scale } = head;
  if (kind === "cosine") return { kind, weight, scale };
  const bias = tensors.get("head.bias")!;
  if (kind === "linear") return { kind, weight, bias, scale };
  const [dense, denseBias] = [tensors.get("head.dense.weight")!, tensors.get("head.dense.bias")!];
  return { kind, dense, denseBias, weight, bias, scale };
}
