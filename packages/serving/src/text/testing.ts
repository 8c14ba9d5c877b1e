import type { BackboneManifest } from "@kilotune/backbone";
import { tinyBackbone as openTiny, randomNumbers, type TinyBackbone } from "@kilotune/backbone/testing";
import type { Head, Prompt, Reading, StoredPrompt, TextClassifier, Use } from "@kilotune/prompt";

export { randomNumbers };

/** What the tests of this package share: random numbers, random prompts, a tiny random backbone. */

export interface PromptShape {
  readonly method: Prompt["method"];
  readonly tokens?: number;
  readonly firstLayer?: number;
  readonly labels?: readonly string[];
  readonly head?: Head["kind"];
  readonly maxTokens?: number;
  /** Largest magnitude of the prompt's numbers. */
  readonly size?: number;
  readonly reading?: Reading;
}

type StoredTextClassifier = StoredPrompt<Use<"textClassification">>;

/** A prompt of random numbers that fits the backbone. */
export function randomPrompt(
  manifest: BackboneManifest,
  seed: number,
  shape: PromptShape,
): StoredTextClassifier {
  const { config, identity, id, licence } = manifest;
  const { layers, hiddenSize, heads, headDim } = config;
  const { tokens = 4, firstLayer = 0, labels = ["refund", "delivery", "other"], size = 1 } = shape;
  const { head: kind = "cosine", maxTokens = manifest.maxTokens, method, reading } = shape;
  const uniform = randomNumbers(seed);
  const numbers = (length: number, scale = 1) =>
    Float32Array.from({ length }, () => scale * (2 * uniform() - 1));
  const weight = numbers(labels.length * hiddenSize);
  const head = randomHead(kind, weight, numbers, { classes: labels.length, hiddenSize });
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
    ...(reading === undefined ? {} : { reading }),
    metrics: {},
  } satisfies Partial<TextClassifier["manifest"]>;
  const stored = (prompt: TextClassifier): StoredTextClassifier => ({
    id: `sha256-${seed}`,
    sizeBytes: 0,
    prompt,
  });
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
    case "lora": {
      const prompted = layers - firstLayer;
      const data = numbers(prompted * 4 * tokens * hiddenSize, size);
      return stored({
        method,
        manifest: { ...shared, method, sites: { firstLayer, layers: prompted, rank: tokens } },
        lora: { data, layers: prompted, rank: tokens, hidden: hiddenSize },
        head,
      });
    }
    case "bias": {
      const prompted = layers - firstLayer;
      const width = config.intermediateSize * (config.mlp === "gated" ? 2 : 1);
      const data = numbers(prompted * (3 * hiddenSize + width) + hiddenSize, size);
      return stored({
        method,
        manifest: { ...shared, method, sites: { firstLayer, layers: prompted, width } },
        bias: { data, layers: prompted, width, hidden: hiddenSize },
        head,
      });
    }
    case "channels":
    case "border":
      throw new Error("no prompt of texts has channels");
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

function randomHead(
  kind: Head["kind"],
  weight: Float32Array,
  numbers: (length: number) => Float32Array,
  { classes, hiddenSize }: { classes: number; hiddenSize: number },
): Head {
  if (kind === "cosine") return { kind, weight, scale: 20 };
  const bias = numbers(classes);
  if (kind === "linear") return { kind, weight, bias, scale: 5 };
  return { kind, dense: numbers(hiddenSize ** 2), denseBias: numbers(hiddenSize), weight, bias, scale: 1 };
}

export const WORDS = "my card was lost abroad and now the refund is late please help".split(" ");

/** A text of so many words, each a token of its own: special tokens come on top. */
export function textOf(words: number, uniform: () => number): string {
  return Array.from({ length: words }, () => WORDS[Math.floor(uniform() * WORDS.length)]).join(" ");
}

/** The tiny backbone with 3 layers, so that prompts can begin at one of three. */
export function tinyBackbone(options: { maxTokens?: number; threads?: number } = {}): Promise<TinyBackbone> {
  return openTiny({ words: WORDS, layers: 3, ...options });
}
