import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { float32, type Tensor, writeSafetensors } from "@kilotune/engine";
import { numbers } from "../sample-prompts.ts";
import type { BaseModel } from "./base-model.ts";
import type { TensorFile } from "./tensor-file.ts";

/** For tests: a base model in memory, files of tensors, folders as PEFT leaves them. */

export const SIZES = { layers: 2, heads: 2, headDim: 3, hiddenSize: 6, maxPositions: 40 };

/** Every weight that an import asks for, of numbers that tell places apart. */
export function memoryBase(
  without: readonly string[] = [],
): BaseModel & { readonly weights: ReadonlyMap<string, Tensor> } {
  const { layers, heads, headDim, hiddenSize: H, maxPositions } = SIZES;
  const weights = new Map<string, Tensor>([
    ["embeddings.position_embeddings.weight", tensor([maxPositions, H], 1)],
    ["embeddings.token_type_embeddings.weight", tensor([2, H], 2)],
    ["embeddings.LayerNorm.weight", tensor([H], 3)],
    ["embeddings.LayerNorm.bias", tensor([H], 4)],
    ["pooler.dense.weight", tensor([H, H], 5)],
    ["pooler.dense.bias", tensor([H], 6)],
  ]);
  for (const name of without) weights.delete(name);
  return {
    weights,
    about: {
      backbone: {
        id: "memory",
        weightsSha256: "aa".repeat(32),
        tokenizerSha256: "bb".repeat(32),
        preprocessingSha256: "cc".repeat(32),
        licence: "MIT",
        layers,
        hiddenSize: H,
        heads,
        headDim,
      },
      maxTokens: 32,
      maxPositions,
      layerNormEpsilon: 1e-12,
    },
    has: (name) => weights.has(name),
    read: async (name) => weights.get(name)!.data as Float32Array,
    [Symbol.asyncDispose]: async () => {},
  };
}

export function tensor(dims: readonly number[], seed: number): Tensor {
  return float32(
    numbers(
      dims.reduce((a, b) => a * b, 1),
      seed,
    ),
    dims,
  );
}

export function memoryFile(shapes: Readonly<Record<string, readonly number[]>>): TensorFile {
  return {
    path: "file",
    shapes: new Map(Object.entries(shapes)),
    read: async (name) => tensor(shapes[name]!, 7),
    [Symbol.asyncDispose]: async () => {},
  };
}

export const CLASSES = 3;

export const HEAD = {
  "base_model.classifier.weight": tensor([CLASSES, SIZES.hiddenSize], 8),
  "base_model.classifier.bias": tensor([CLASSES], 9),
};

export const PREFIX_WIDTH = SIZES.layers * 2 * SIZES.heads * SIZES.headDim;

export interface Folder extends AsyncDisposable {
  readonly path: string;
  write(name: string, content: string | Uint8Array | Readonly<Record<string, Tensor>>): Promise<string>;
}

/** A folder for one test; tensors are written as safetensors. */
export async function temporaryFolder(): Promise<Folder> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-exchange-"));
  return {
    path: folder,
    async write(name, content) {
      const file = path.join(folder, name);
      await mkdir(path.dirname(file), { recursive: true });
      const isBytes = typeof content === "string" || content instanceof Uint8Array;
      await writeFile(file, isBytes ? content : writeSafetensors(new Map(Object.entries(content))));
      return file;
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

/** What PEFT writes for 4 tokens, with changes. */
export async function peftFolder(
  config: Readonly<Record<string, unknown>> = {},
  tensors: Readonly<Record<string, Tensor>> = {},
): Promise<Folder> {
  const folder = await temporaryFolder();
  const fields = {
    peft_type: "PROMPT_TUNING",
    task_type: "SEQ_CLS",
    num_virtual_tokens: 4,
    token_dim: SIZES.hiddenSize,
    num_transformer_submodules: 1,
    num_attention_heads: SIZES.heads,
    num_layers: SIZES.layers,
    base_model_name_or_path: "someone/bert",
    peft_version: "0.21.2",
    ...config,
  };
  await folder.write("adapter_config.json", JSON.stringify(fields));
  await folder.write("adapter_model.safetensors", {
    prompt_embeddings: tensor([4, SIZES.hiddenSize], 10),
    ...HEAD,
    ...tensors,
  });
  return folder;
}
