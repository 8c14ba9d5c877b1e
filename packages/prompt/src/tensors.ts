import type { AnyUse } from "./manifest/uses.ts";
import type { PromptManifest } from "./manifest.ts";
import { patchHeadTensors } from "./patch-spec.ts";
import type { HeadOf, Prompt } from "./prompt.ts";

/** Name -> dims of just the tensors that a file with this manifest must hold (letters: see prompt.ts). */
export function expectedTensors(manifest: PromptManifest): ReadonlyMap<string, readonly number[]> {
  const { hiddenSize, heads, headDim } = manifest.backbone;
  const dims = new Map<string, readonly number[]>();
  if (manifest.method === "kv")
    dims.set("kv", [manifest.sites.layers, 2, heads, manifest.sites.tokens, headDim]);
  if (manifest.method === "soft") dims.set("soft", [manifest.sites.tokens, hiddenSize]);
  if (manifest.method === "lora")
    dims.set("lora", [manifest.sites.layers, 2, 2, manifest.sites.rank, hiddenSize]);
  if (manifest.method === "bias") {
    const { layers, width } = manifest.sites;
    dims.set("bias", [layers * (3 * hiddenSize + width) + hiddenSize]);
  }
  if (manifest.method === "channels") dims.set("channels", [2, manifest.sites.channels]);
  if (manifest.method === "border") dims.set("border", [3, borderPixels(manifest)]);
  if (manifest.task === "segmentation" || manifest.task === "detection") {
    for (const { name, dims: own } of patchHeadTensors(manifest)) dims.set(name, own);
    return dims;
  }
  const classes = manifest.labels.length;
  if (manifest.head.kind === "none") return dims;
  if (manifest.head.kind === "mlp") {
    dims.set("head.dense.weight", [hiddenSize, hiddenSize]);
    dims.set("head.dense.bias", [hiddenSize]);
  }
  dims.set("head.weight", [classes, hiddenSize]);
  if (manifest.head.kind !== "cosine") dims.set("head.bias", [classes]);
  return dims;
}

/** Along all four edges. */
function borderPixels({ backbone, sites }: Extract<PromptManifest, { method: "border" }>): number {
  if (!("image" in backbone)) return 0;
  const { width, height } = backbone.image;
  return 2 * sites.width * (width + height - 2 * sites.width);
}

/** The prompt's numbers by name. */
export function takeApart({ head, ...prompt }: Prompt): ReadonlyMap<string, Float32Array> {
  const tensors = new Map<string, Float32Array>();
  if (prompt.method === "kv") tensors.set("kv", prompt.kv.data);
  if (prompt.method === "soft") tensors.set("soft", prompt.soft.data);
  if (prompt.method === "lora") tensors.set("lora", prompt.lora.data);
  if (prompt.method === "bias") tensors.set("bias", prompt.bias.data);
  if (prompt.method === "channels") tensors.set("channels", prompt.channels.data);
  if (prompt.method === "border") tensors.set("border", prompt.border.data);
  switch (head.kind) {
    case "none":
      return tensors;
    case "segmentation":
    case "detection":
      for (const [name, data] of Object.entries(head.numbers)) tensors.set(name, data);
      return tensors;
    case "mlp":
      tensors.set("head.dense.weight", head.dense);
      tensors.set("head.dense.bias", head.denseBias);
  }
  tensors.set("head.weight", head.weight);
  if (head.kind !== "cosine") tensors.set("head.bias", head.bias);
  return tensors;
}

/** The inverse of takeApart: `tensors` has all that the manifest asks for. */
export function assemble(manifest: PromptManifest, tensors: ReadonlyMap<string, Float32Array>): Prompt {
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
    case "lora": {
      const { layers, rank } = manifest.sites;
      const lora = { data: tensors.get("lora")!, layers, rank, hidden };
      return { method: "lora", manifest, lora, head };
    }
    case "bias": {
      const { layers, width } = manifest.sites;
      return { method: "bias", manifest, bias: { data: tensors.get("bias")!, layers, width, hidden }, head };
    }
    case "channels": {
      const { channels } = manifest.sites;
      return { method: "channels", manifest, channels: { data: tensors.get("channels")!, channels }, head };
    }
    case "border": {
      const { width } = manifest.sites;
      return { method: "border", manifest, border: { data: tensors.get("border")!, width }, head };
    }
    case "head":
      return { method: "head", manifest, head };
  }
}

function assembleHead(manifest: PromptManifest, tensors: ReadonlyMap<string, Float32Array>): HeadOf<AnyUse> {
  if (manifest.task === "segmentation" || manifest.task === "detection") {
    const names = patchHeadTensors(manifest).map(({ name }) => name);
    return {
      kind: manifest.head.kind,
      numbers: Object.fromEntries(names.map((name) => [name, tensors.get(name)!])),
    };
  }
  if (manifest.head.kind === "none") return { kind: "none" };
  const weight = tensors.get("head.weight")!;
  const { kind, scale } = manifest.head;
  if (kind === "cosine") return { kind, weight, scale };
  const bias = tensors.get("head.bias")!;
  if (kind === "linear") return { kind, weight, bias, scale };
  const [dense, denseBias] = [tensors.get("head.dense.weight")!, tensors.get("head.dense.bias")!];
  return { kind, dense, denseBias, weight, bias, scale };
}
