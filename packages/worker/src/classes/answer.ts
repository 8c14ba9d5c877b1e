import { type Backbone, cutOf, defaultFirstLayer } from "@kilotune/backbone";
import type { Head, Prompt, Use } from "@kilotune/prompt";
import { createPredictor, type TextInput } from "@kilotune/serving";
import { embed, HiddenStore, type LinearSession, openLinearSession } from "@kilotune/tuner";
import { siteOfPrompt } from "../prompt-part.ts";
import { headLogits } from "./class-heads.ts";
import { encodeRow, type TextRows } from "./prepare.ts";

/**
 * Logits [texts, classes] flat of a prompt with a head: through the tuner's graphs, opened for it, or where they don't read
 * as it asks (an imported one), as it is served.
 */
export async function answerTexts(
  backbone: Backbone,
  prompt: HeadedPrompt,
  texts: readonly TextInput[],
  onProgress?: (share: number) => void,
): Promise<Float32Array> {
  if (prompt.manifest.reading !== undefined || prompt.head.kind === "mlp")
    return answerAsServed(backbone, prompt, texts);
  const vectors = await vectorsOfTexts(backbone, prompt, texts, onProgress);
  const linear = await openLinearSession(backbone.openGraph, backbone.manifest.config.hiddenSize);
  try {
    return await headLogits(linear, prompt.head, vectors);
  } finally {
    await linear.release();
  }
}

/** Unit vectors behind a prompt, [texts, H] flat, through the tuner's graphs. */
export async function vectorsOfTexts(
  backbone: Backbone,
  prompt: Prompt,
  texts: readonly TextInput[],
  onProgress?: (share: number) => void,
): Promise<Float32Array> {
  const { hiddenSize } = backbone.manifest.config;
  const encoded = texts.map(({ text, textPair }) => encodeRow(backbone, text, textPair));
  const ids = encoded.map((row) => row.ids);
  await using opened = new AsyncDisposableStack();
  const { site, feeds } = siteOf(backbone, prompt);
  const firstLayer = site.kind === "soft" ? 0 : site.firstLayer;
  const lower = await backbone.open({ kind: "lower", firstLayer, cut: cutOf(site) });
  opened.defer(() => lower.release());
  const upper = await backbone.open({ kind: "upper", site });
  opened.defer(() => upper.release());
  const store = await HiddenStore.compute(backbone, lower, ids, {
    typeIds: encoded.map((row) => row.typeIds),
    onProgress: (done) => onProgress?.(done / texts.length),
  });
  return await embed(upper, store, hiddenSize, feeds);
}

/** Texts, or pairs of them, whose vectors a head reads. */
export type HeadedPrompt = Prompt<Use<"textClassification" | "textMultiLabel" | "textRegression">>;

async function answerAsServed(
  backbone: Backbone,
  prompt: HeadedPrompt,
  texts: readonly TextInput[],
): Promise<Float32Array> {
  const stored = { id: "", sizeBytes: 0, prompt };
  const predictor = await createPredictor({ backbone, loadPrompt: async () => stored });
  try {
    const requests = texts.map((text) => ({ ...text, prompt: "" }));
    const { manifest } = prompt;
    if (manifest.task === "regression") {
      const { mean, scale } = manifest.calibration;
      return Float32Array.from(await predictor.estimate(requests), ({ value }) => (value - mean) / scale);
    }
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
  prompt: Prompt,
  rows: Pick<TextRows, "store" | "vectors">,
): Promise<Float32Array> {
  return headLogits(linear, prompt.head as Head, await promptedVectors(backbone, prompt, rows));
}

/** Unit vectors behind a prompt as its file has it, [rows, H] flat. */
export async function promptedVectors(
  backbone: Backbone,
  prompt: Prompt,
  rows: Pick<TextRows, "store" | "vectors">,
): Promise<Float32Array> {
  if (prompt.method === "head") return rows.vectors;
  const { site, feeds } = siteOf(backbone, prompt);
  const upper = await backbone.open({ kind: "upper", site });
  try {
    return await embed(upper, rows.store, backbone.manifest.config.hiddenSize, feeds);
  } finally {
    await upper.release();
  }
}

/** Where the prompt joins, and its feeds. A head alone reads rows that are cut where jobs cut them. */
export function siteOf({ manifest }: Backbone, prompt: Prompt): ReturnType<typeof siteOfPrompt> {
  return siteOfPrompt(prompt, defaultFirstLayer(manifest.config.layers));
}
