import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { float32, type Tensor, writeSafetensors } from "@kilotune/engine";
import type { Backbone } from "./backbone.ts";
import { buildBundle } from "./bundle/build.ts";
import { openBundle } from "./bundle/open.ts";
import type { Precision } from "./bundle/quantize-weights.ts";
import type { VisionBackbone } from "./vision/backbone.ts";
import { loadVisionBackbone, type VisionLoadOptions, visionBundleOf } from "./vision/load.ts";

/** `@kilotune/backbone/testing`: a backbone for tests, built and opened as real ones are, small enough for thousands of steps. */

export interface TinyOptions {
  /** Each is a token of its own; any other word is unknown. */
  readonly words: readonly string[];
  /** Default 2. */
  readonly layers?: number;
  /** As a checkpoint says it; default all 512 positions. */
  readonly maxTokens?: number;
  readonly threads?: number;
  /** Default fp32. */
  readonly precision?: Precision;
}

/** A BERT of random weights: H = 32, 4 heads of 8, 512 positions. The same for the same words and layers. */
export async function tinyBackbone(options: TinyOptions): Promise<TinyBackbone> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-tiny-"));
  // A folder's name is the id of what is loaded from it.
  const checkpoint = path.join(folder, "tiny");
  await mkdir(checkpoint);
  const json = (name: string, value: unknown) =>
    writeFile(path.join(checkpoint, name), JSON.stringify(value));
  const config = tinyConfig(options);
  await json("config.json", config);
  await json("tokenizer.json", tinyTokenizer(options.words));
  await json("sentence_bert_config.json", { max_seq_length: options.maxTokens ?? 512 });
  await writeFile(
    path.join(checkpoint, "model.safetensors"),
    writeSafetensors(tinyWeights(config), new Map()),
  );
  const bundle = path.join(folder, "bundle");
  await buildBundle(checkpoint, bundle, {
    id: "tiny",
    licence: "MIT",
    precision: options.precision ?? "fp32",
  });
  const backbone = await openBundle(bundle, { threads: options.threads ?? 1 });
  if (backbone === undefined) throw new Error(`a bundle was built in ${bundle} and isn't there`);
  const remove = () => rm(folder, { recursive: true, force: true });
  return { backbone, bundle, checkpoint, [Symbol.asyncDispose]: remove };
}

export interface TinyBackbone extends AsyncDisposable {
  readonly backbone: Backbone;
  /** Its folder, gone after the disposal. */
  readonly bundle: string;
  /** The folder that it was built from: what a user names. */
  readonly checkpoint: string;
}

/** A DINOv2 of random weights: 3 layers, H = 16, 2 heads, images of 12 x 12, or as asked, in patches of 4. */
export async function tinyVisionBackbone(
  options: Pick<VisionLoadOptions, "imageSize"> = {},
): Promise<{ readonly backbone: VisionBackbone; readonly bundle: string } & AsyncDisposable> {
  const cache = await mkdtemp(path.join(os.tmpdir(), "kilotune-tiny-vision-"));
  const folder = fileURLToPath(new URL("./vision/goldens/dinov2", import.meta.url));
  const load = { cache, hub: "http://127.0.0.1:9", threads: 1, ...options };
  const backbone = await loadVisionBackbone(folder, load);
  const bundle = await visionBundleOf(folder, load);
  return { backbone, bundle, [Symbol.asyncDispose]: () => rm(cache, { recursive: true, force: true }) };
}

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

type TinyConfig = ReturnType<typeof tinyConfig>;

function tinyConfig({ words, layers = 2 }: TinyOptions) {
  return {
    model_type: "bert",
    hidden_size: 32,
    num_attention_heads: 4,
    num_hidden_layers: layers,
    intermediate_size: 64,
    vocab_size: words.length + SPECIALS.length,
    max_position_embeddings: 512,
  };
}

const SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];

/** A `tokenizer.json` of whole words; longer words than `longest` characters are unknown. */
export function tinyTokenizer(words: readonly string[], longest = 100) {
  return {
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
      max_input_chars_per_word: longest,
      vocab: Object.fromEntries([...SPECIALS, ...words].map((token, id) => [token, id])),
    },
  };
}

/** By the checkpoint's own names. */
function tinyWeights(config: TinyConfig): Map<string, Tensor> {
  const { hidden_size: H, intermediate_size: I, vocab_size: V, max_position_embeddings: S } = config;
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
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
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
