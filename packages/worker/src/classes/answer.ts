import { type Backbone, defaultFirstLayer } from "@kilotune/backbone";
import { type Feeds, float32, type Session } from "@kilotune/engine";
import type { TextClassifier } from "@kilotune/prompt";
import { createPredictor } from "@kilotune/serving";
import { embed, HiddenStore, type LinearSession, openLinearSession } from "@kilotune/tuner";
import { headLogits } from "./class-heads.ts";
import type { PreparedRows } from "./prepare.ts";
import type { TextPrompt } from "./publish.ts";

/**
 * Logits [texts, classes] flat of a prompt: through the tuner's graphs, opened for it, or where they don't read as it
 * asks (an imported one), as it is served.
 */
export async function answerTexts(
  backbone: Backbone,
  prompt: TextClassifier,
  texts: readonly string[],
  onProgress?: (share: number) => void,
): Promise<Float32Array> {
  if (prompt.manifest.reading !== undefined || prompt.head.kind === "mlp")
    return answerAsServed(backbone, prompt, texts);
  const { hiddenSize } = backbone.manifest.config;
  const ids = texts.map((text) => backbone.tokenizer.encode(text).ids);
  await using opened = new AsyncDisposableStack();
  const cut = prompt.method === "lora" ? "in front" : "within attention";
  const lower = await backbone.open({ kind: "lower", firstLayer: firstLayerOf(prompt, backbone), cut });
  opened.defer(() => lower.release());
  const upper = await openUpper(backbone, prompt);
  opened.defer(() => upper.release());
  const linear = await openLinearSession(backbone.openGraph, hiddenSize);
  opened.defer(() => linear.release());
  const store = await HiddenStore.compute(backbone, lower, ids, {
    onProgress: (done) => onProgress?.(done / texts.length),
  });
  const vectors = await embed(upper, store, hiddenSize, promptFeeds(prompt));
  return await headLogits(linear, prompt.head, vectors);
}

async function answerAsServed(
  backbone: Backbone,
  prompt: TextClassifier,
  texts: readonly string[],
): Promise<Float32Array> {
  const stored = { id: "", sizeBytes: 0, prompt };
  const predictor = await createPredictor({ backbone, loadPrompt: async () => stored });
  try {
    const requests = texts.map((text) => ({ text, prompt: "" }));
    const answers = await predictor.classify(requests, { logits: true });
    return Float32Array.from(answers.flatMap(({ logits }) => logits!));
  } finally {
    await predictor.close();
  }
}

/** Logits [rows, classes] flat of a prompt on prepared rows, whose store begins at the prompt's first layer. */
export async function answer(
  backbone: Backbone,
  linear: LinearSession,
  prompt: TextPrompt,
  rows: Pick<PreparedRows, "store" | "vectors">,
): Promise<Float32Array> {
  return headLogits(linear, prompt.head, await promptedVectors(backbone, prompt, rows));
}

async function promptedVectors(
  backbone: Backbone,
  prompt: TextPrompt,
  rows: Pick<PreparedRows, "store" | "vectors">,
): Promise<Float32Array> {
  if (prompt.method === "head") return rows.vectors;
  const upper = await openUpper(backbone, prompt);
  try {
    return await embed(upper, rows.store, backbone.manifest.config.hiddenSize, promptFeeds(prompt));
  } finally {
    await upper.release();
  }
}

/** The layers from `firstLayerOf` on, with the site that the prompt joins. */
function openUpper(backbone: Backbone, prompt: TextPrompt): Promise<Session> {
  const firstLayer = firstLayerOf(prompt, backbone);
  const kind = prompt.method === "head" ? "none" : prompt.method;
  return backbone.open({ kind: "upper", site: kind === "soft" ? { kind } : { kind, firstLayer } });
}

/** Where the rows' hidden states begin. */
function firstLayerOf(prompt: TextPrompt, { manifest }: Backbone): number {
  if (prompt.method === "kv" || prompt.method === "lora") return prompt.manifest.sites.firstLayer;
  return prompt.method === "soft" ? 0 : defaultFirstLayer(manifest.config.layers);
}

function promptFeeds(prompt: TextPrompt): Feeds {
  if (prompt.method === "head") return {};
  if (prompt.method === "soft") {
    const { data, tokens, hidden } = prompt.soft;
    return { soft: float32(data, [tokens, hidden]) };
  }
  if (prompt.method === "lora") {
    const { data, layers, rank, hidden } = prompt.lora;
    return { lora: float32(data, [layers, 2, 2, rank, hidden]) };
  }
  const { data, layers, heads, tokens, headDim } = prompt.kv;
  return { kv: float32(data, [layers, 2, heads, tokens, headDim]) };
}
