import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type Backbone, type BackboneManifest, buildBundle, openBundle } from "@kilotune/backbone";
import { float32, type Tensor, writeSafetensors } from "@kilotune/engine";
import type { Head, Prompt, PromptManifest, StoredPrompt } from "@kilotune/prompt";

/** What the tests of this package share: random numbers, random prompts, a tiny random backbone. */

/** Uniform in [0, 1), the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface PromptShape {
  readonly method: Prompt["method"];
  readonly tokens?: number;
  readonly firstLayer?: number;
  readonly labels?: readonly string[];
  readonly head?: Head["kind"];
  readonly maxTokens?: number;
  /** Largest magnitude of the prompt's numbers. */
  readonly size?: number;
}

/** A prompt of random numbers that fits the backbone. */
export function randomPrompt(manifest: BackboneManifest, seed: number, shape: PromptShape): StoredPrompt {
  const { config, identity, id, licence } = manifest;
  const { layers, hiddenSize, heads, headDim } = config;
  const { tokens = 4, firstLayer = 0, labels = ["refund", "delivery", "other"], size = 1 } = shape;
  const { head: kind = "cosine", maxTokens = manifest.maxTokens, method } = shape;
  const uniform = randomNumbers(seed);
  const numbers = (length: number, scale = 1) =>
    Float32Array.from({ length }, () => scale * (2 * uniform() - 1));
  const weight = numbers(labels.length * hiddenSize);
  const head: Head =
    kind === "cosine"
      ? { kind, weight, scale: 20 }
      : { kind, weight, bias: numbers(labels.length), scale: 5 };
  const shared = {
    format: "kilotune.prompt/1" as const,
    task: "classification" as const,
    labels,
    backbone: { id, ...identity, licence, layers, hiddenSize, heads, headDim },
    head: { kind, scale: head.scale },
    calibration: { temperature: 1.5 },
    maxTokens,
    storage: "float32" as const,
    receipt: { dataSha256: "0".repeat(64), seed, settings: {}, codeVersion: "0", epochs: 1, trainRows: 1 },
    metrics: {},
  } satisfies Partial<PromptManifest>;
  const stored = (prompt: Prompt): StoredPrompt => ({ id: `sha256-${seed}`, sizeBytes: 0, prompt });
  switch (method) {
    case "kv": {
      const prompted = layers - firstLayer;
      const data = numbers(prompted * 2 * heads * tokens * headDim, size);
      return stored({
        method,
        manifest: { ...shared, method, sites: { firstLayer, layers: prompted, tokens } },
        kv: { data, layers: prompted, tokens, heads, headDim },
        head,
      });
    }
    case "soft": {
      const data = numbers(tokens * hiddenSize, size);
      return stored({
        method,
        manifest: { ...shared, method, sites: { tokens } },
        soft: { data, tokens, hidden: hiddenSize },
        head,
      });
    }
    case "head":
      return stored({ method, manifest: { ...shared, method }, head });
  }
}

export const WORDS = "my card was lost abroad and now the refund is late please help".split(" ");

/** A text of so many words, each a token of its own: special tokens come on top. */
export function textOf(words: number, uniform: () => number): string {
  return Array.from({ length: words }, () => WORDS[Math.floor(uniform() * WORDS.length)]).join(" ");
}

/** A BERT of random weights: 3 layers, 4 heads of 8, 512 positions. `maxTokens` as for the real ones. */
export async function tinyBackbone(
  options: { maxTokens?: number; threads?: number } = {},
): Promise<{ backbone: Backbone } & AsyncDisposable> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-serving-"));
  const checkpoint = path.join(folder, "checkpoint");
  await mkdir(checkpoint);
  const json = (name: string, value: unknown) =>
    writeFile(path.join(checkpoint, name), JSON.stringify(value));
  await json("config.json", TINY);
  await json("tokenizer.json", TINY_TOKENIZER);
  await json("sentence_bert_config.json", { max_seq_length: options.maxTokens ?? 512 });
  await writeFile(path.join(checkpoint, "model.safetensors"), writeSafetensors(tinyWeights(), new Map()));
  const bundle = path.join(folder, "bundle");
  await buildBundle(checkpoint, bundle, { id: "tiny", licence: "MIT" });
  const threads = options.threads ?? 1;
  const backbone = (await openBundle(bundle, { threads }))!;
  return { backbone, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

const TINY = {
  model_type: "bert",
  hidden_size: 32,
  num_attention_heads: 4,
  num_hidden_layers: 3,
  intermediate_size: 64,
  vocab_size: WORDS.length + 4,
  max_position_embeddings: 512,
};

const SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];

const TINY_TOKENIZER = {
  added_tokens: SPECIALS.map((content, id) => ({ id, content, special: true })),
  normalizer: {
    type: "BertNormalizer",
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: "BertPreTokenizer" },
  post_processor: { type: "BertProcessing", cls: ["[CLS]", 2], sep: ["[SEP]", 3] },
  decoder: null,
  model: {
    type: "WordPiece",
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries([...SPECIALS, ...WORDS].map((token, id) => [token, id])),
  },
};

/** By the checkpoint's own names. */
function tinyWeights(): Map<string, Tensor> {
  const { hidden_size: H, intermediate_size: I, vocab_size: V, max_position_embeddings: S } = TINY;
  const uniform = randomNumbers(1);
  const weights = new Map<string, Tensor>();
  const add = (name: string, dims: number[], centre = 0) => {
    const length = dims.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length }, () => centre + 0.4 * (2 * uniform() - 1));
    weights.set(name, float32(data, dims));
  };
  const linear = (name: string, out: number, into: number) => {
    add(`${name}.weight`, [out, into]);
    add(`${name}.bias`, [out]);
  };
  const norm = (name: string) => {
    add(`${name}.weight`, [H], 1);
    add(`${name}.bias`, [H]);
  };
  add("embeddings.word_embeddings.weight", [V, H]);
  add("embeddings.position_embeddings.weight", [S, H]);
  add("embeddings.token_type_embeddings.weight", [2, H]);
  norm("embeddings.LayerNorm");
  for (let layer = 0; layer < TINY.num_hidden_layers; layer++) {
    const at = `encoder.layer.${layer}`;
    for (const part of ["query", "key", "value"]) linear(`${at}.attention.self.${part}`, H, H);
    linear(`${at}.attention.output.dense`, H, H);
    norm(`${at}.attention.output.LayerNorm`);
    linear(`${at}.intermediate.dense`, I, H);
    linear(`${at}.output.dense`, H, I);
    norm(`${at}.output.LayerNorm`);
  }
  return weights;
}
