import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import { encodeOnnx } from "@kilotune/engine";
import { textFamilyOf } from "../text/families.ts";
import type { TextConfig } from "../text/config.ts";
import {
  type Instructions,
  parsePreprocessing,
  poolingFile,
  type SentencePreprocessing,
} from "../text/sentence.ts";
import { loadTokenizer } from "../tokenizer/load-tokenizer.ts";
import { sha256OfFile } from "../download/checksum.ts";
import { parseJson, readJson, readText } from "./checkpoint-files.ts";
import { WEIGHTS_FILE, weightsIn, writeBundle } from "./folder.ts";
import { buildGraph, type GraphSpec, graphFile } from "./graphs.ts";
import { type BackboneManifest, BUNDLE_FORMAT } from "./manifest.ts";
import { type Precision, quantizePlan } from "./quantize-weights.ts";
import { copyWeights } from "./write-weights.ts";

/**
 * Builds a bundle from a checkpoint's folder: one weights file that all graphs share, the serving graph and the graphs
 * of the default method, the tokenizer's files and a manifest.
 *
 * @param checkpoint folder with config.json, model.safetensors, tokenizer.json and optionally tokenizer_config.json,
 *   sentence_bert_config.json, modules.json, 1_Pooling/config.json, config_sentence_transformers.json
 * @param about.instructions of a checkpoint whose files don't say them
 * @param about.precision default fp32
 * @param about.weightsSha256 where it is known and verified already; else the file is hashed here
 */
export async function buildBundle(
  checkpoint: string,
  bundle: string,
  about: {
    id: string;
    licence: string;
    weightsSha256?: string;
    precision?: Precision;
    instructions?: Instructions;
  },
): Promise<void> {
  const { precision = "fp32" } = about;
  const { family, config: encoder, plan } = textFamilyOf(await readJson(checkpoint, "config.json"));
  const preprocessing = await readPreprocessing(checkpoint, encoder, about.instructions);
  const { maxTokens, instructions, pooling } = preprocessing;
  const config: TextConfig = pooling === "max" ? { ...encoder, maxPooling: true } : encoder;
  const tokenizerJson = await readText(checkpoint, "tokenizer.json");
  const tokenizerConfig = (await readText(checkpoint, "tokenizer_config.json", "optional")) ?? "{}";
  const tokenizer = loadTokenizer({
    tokenizerJson: parseJson(tokenizerJson as string, "tokenizer.json"),
    tokenizerConfig: parseJson(tokenizerConfig, "tokenizer_config.json"),
    maxTokens,
    ...(instructions && { instructions }),
  });
  if (tokenizer.vocabularySize > config.vocabSize) {
    throw new KilotuneError(
      "bad_tokenizer",
      `the tokenizer knows ${tokenizer.vocabularySize} tokens, the checkpoint embeds ${config.vocabSize}`,
      "Check that tokenizer.json and model.safetensors come from the same checkpoint.",
    );
  }
  const weightsPath = path.join(checkpoint, "model.safetensors");
  const manifest: BackboneManifest = {
    format: BUNDLE_FORMAT,
    id: about.id,
    family,
    config,
    ...preprocessing,
    licence: about.licence,
    identity: {
      weightsSha256: about.weightsSha256 ?? (await sha256OfFile(weightsPath)),
      tokenizerSha256: sha256(tokenizerJson as string),
      preprocessingSha256: preprocessingSha256(preprocessing),
    },
    precision,
    weightsBytes: 0,
  };

  await writeBundle(bundle, async (folder) => {
    const stored = path.join(folder, WEIGHTS_FILE);
    const { header, sizeBytes } = await copyWeights(weightsPath, stored, (shapes) =>
      precision === "int8" ? quantizePlan(plan(shapes)) : plan(shapes),
    );
    const storedSha256 = precision === "int8" ? { storedSha256: await sha256OfFile(stored) } : {};
    const weights = weightsIn(header);
    for (const spec of standardGraphs(config.layers)) {
      await writeFile(path.join(folder, graphFile(spec)), encodeOnnx(buildGraph(spec, config, weights)));
    }
    await writeFile(path.join(folder, "tokenizer.json"), tokenizerJson as string);
    await writeFile(path.join(folder, "tokenizer_config.json"), tokenizerConfig);
    return { ...manifest, ...storedSha256, weightsBytes: sizeBytes };
  });
}

async function readPreprocessing(checkpoint: string, config: TextConfig, known: Instructions | undefined) {
  const read = (name: string) => readJson(checkpoint, name, "optional");
  const modules = await read("modules.json");
  const files = {
    modules,
    pooling: await read(poolingFile(modules)),
    sentenceBert: await read("sentence_bert_config.json"),
    sentenceTransformers: await read("config_sentence_transformers.json"),
  };
  return parsePreprocessing(files, config, known);
}

/** In the order that it always had, so that prompts stay bound to what they were tuned on. */
function preprocessingSha256({ pooling, maxTokens, normalize, instructions }: SentencePreprocessing): string {
  return sha256(JSON.stringify({ pooling, maxTokens, normalize, instructions }));
}

/** Default first prompted layer: the upper half. Lower layers are then computed once a row, see engine.md. */
export function defaultFirstLayer(layers: number): number {
  return Math.floor(layers / 2);
}

/** What a bundle is built with; other variants (another first layer, soft prompts) are added when first asked for. */
function standardGraphs(layers: number): GraphSpec[] {
  const firstLayer = defaultFirstLayer(layers);
  return [
    { kind: "serve" },
    { kind: "lower", firstLayer },
    { kind: "upper", site: { kind: "none", firstLayer } },
    { kind: "upper", site: { kind: "kv", firstLayer } },
    { kind: "tune", site: { kind: "kv", firstLayer }, dropout: true },
  ];
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
