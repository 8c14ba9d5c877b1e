import path from "node:path";
import { type Backbone, biasNumbers, cutOf, packTexts, type TunedSite } from "@kilotune/backbone";
import { type Prng, prng } from "@kilotune/dataset";
import { type Feeds, float32, type Tensor } from "@kilotune/engine";
import { miniLmCheckpoint, openCheckpoint, openMiniLm } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { exampleFile, REPOSITORY } from "./support/places.ts";
import { normal, referenceNumbers } from "./support/reference-numbers.ts";
import { relativeError } from "./support/relative-error.ts";
import { readRows } from "./support/texts.ts";

const GOLDENS = path.join(REPOSITORY, "packages/backbone/src/bert/goldens");

/** PyTorch's side, shared with the unit tests' goldens: autograd through transformers' modules, in float64. */
const REFERENCE = path.join(REPOSITORY, "packages/backbone/src/text/goldens");

export const bench = defineBench({
  about:
    "gradients of prompts (deep ones, LoRA and biases, too), heads and all weights on ONNX Runtime vs PyTorch autograd, a tiny random BERT and minilm-l6",
  goal: "relative error <= 1e-5 for every gradient",
  flags: { rows: 8, tokens: 8, classes: 5, seed: 0 },
  async run({ rows, tokens, classes, seed }) {
    const texts = (await readRows(exampleFile("train.jsonl"))).map(({ text }) => text);
    prng(seed, "texts").shuffle(texts);
    const setting = { texts: texts.slice(0, rows), tokens, classes, seed };
    const tiny = path.join(GOLDENS, "tiny");
    const errors = {
      tiny: await errorsOf(await openCheckpoint(tiny), tiny, setting),
      "minilm-l6": await errorsOf(await openMiniLm(), await miniLmCheckpoint(), setting),
    };
    const gradients = Object.values(errors).flatMap((byPrompt) =>
      Object.values(byPrompt).flatMap((found) => [found.promptGradient, found.prototypeGradient]),
    );
    const worst = Math.max(...gradients);
    return { figures: { worst, errors }, reached: gradients.length > 0 && worst <= 1e-5 };
  },
});

interface Setting {
  readonly texts: readonly string[];
  readonly tokens: number;
  readonly classes: number;
  readonly seed: number;
}

interface Errors {
  readonly logits: number;
  readonly loss: number;
  readonly promptGradient: number;
  readonly prototypeGradient: number;
}

/** Relative errors by prompt: prefixes, deep tokens, low-rank products and biases on all layers and on the upper half, soft tokens. */
async function errorsOf(
  backbone: Backbone,
  checkpoint: string,
  setting: Setting,
): Promise<Record<string, Errors>> {
  const { config } = backbone.manifest;
  const { layers, heads, headDim, hiddenSize } = config;
  const late = layers / 2;
  const prefix = (firstLayer: number) => [layers - firstLayer, 2, heads, setting.tokens, headDim];
  const prompts: Prompt[] = [
    ...[0, late].flatMap((firstLayer): Prompt[] => [
      {
        name: `kv-${firstLayer}`,
        site: { kind: "kv", firstLayer },
        dims: prefix(firstLayer),
        deviation: 0.3,
      },
      {
        name: `deep-${firstLayer}`,
        site: { kind: "deep", firstLayer },
        dims: [layers - firstLayer, setting.tokens, hiddenSize],
        deviation: 0.3,
      },
      {
        name: `lora-${firstLayer}`,
        site: { kind: "lora", firstLayer },
        dims: [layers - firstLayer, 2, 2, setting.tokens, hiddenSize],
        deviation: 0.05,
      },
      {
        name: `biases-${firstLayer}`,
        site: { kind: "biases", firstLayer },
        dims: [biasNumbers(config, firstLayer)],
        deviation: 0.1,
      },
    ]),
    { name: "soft", site: { kind: "soft" }, dims: [setting.tokens, hiddenSize], deviation: 0.3 },
  ];
  const random = prng(setting.seed, "prompts");
  const rows = setting.texts.map((text) => backbone.tokenizer.encode(text).ids);
  const length = Math.max(...rows.map((ids) => ids.length));
  const texts = packTexts(rows, length, backbone.manifest.pooling);
  const head = drawHead(random, rows.length, setting.classes, hiddenSize);
  const drawn = Object.fromEntries(
    prompts.map(({ name, dims, deviation }) => [name, normal(random, dims, deviation)]),
  );
  const { input_ids, mask, pool } = texts;
  const theirs = await referenceNumbers(REFERENCE, checkpoint, {
    input_ids,
    mask,
    pool,
    ...head,
    ...drawn,
    whole: float32([1], [1]),
  } as Feeds);

  const errors: Record<string, Errors> = {};
  for (const { name, site } of prompts) {
    const prompt = { [site.kind]: drawn[name] as Tensor };
    const ours = await tuneStep(backbone, site, texts, { ...head, ...prompt });
    const error = (result: string, reference: string) =>
      relativeError(
        ours[result]?.data as Float32Array,
        theirs.get(`${name}/${reference}`)?.data as Float64Array,
      );
    errors[name] = {
      logits: error("logits", "logits"),
      loss: error("loss", "loss"),
      promptGradient: error(`grad.${site.kind}`, "grad.prompt"),
      prototypeGradient: error("grad.prototypes", "grad.prototypes"),
    };
    say(`${backbone.manifest.id} ${name}: ${JSON.stringify(errors[name])}`);
  }
  errors.whole = await wholeErrors(backbone, texts, head, theirs);
  say(`${backbone.manifest.id} whole: ${JSON.stringify(errors.whole)}`);
  return errors;
}

/** Nothing is frozen: the worst of all weights stands as the prompt's. */
async function wholeErrors(
  backbone: Backbone,
  texts: Feeds,
  head: Feeds,
  theirs: ReadonlyMap<string, Tensor>,
): Promise<Errors> {
  const weights = await backbone.weights();
  const named = Object.fromEntries([...weights].map(([name, tensor]) => [`weight.${name}`, tensor]));
  const session = await backbone.open({ kind: "whole", wanted: "loss", dropout: false });
  const ours = await session.run({ ...texts, ...head, ...named });
  await session.release();
  const of = (name: string) => theirs.get(name)?.data as Float64Array;
  const found = [...weights.keys()].map((name) => {
    const reference = of(`whole/grad.${bertName(name)}`);
    const gradient = ours[`grad.weight.${name}`]?.data as Float32Array;
    // What a key's bias adds to all scores of a query alike, a softmax takes away: its gradient is 0 but for rounding.
    if (name.endsWith("attention.key.bias")) return Math.max(...gradient.map(Math.abs));
    return relativeError(gradient, reference);
  });
  return {
    logits: relativeError(ours.logits?.data as Float32Array, of("whole/logits")),
    loss: relativeError(ours.loss?.data as Float32Array, of("whole/loss")),
    promptGradient: Math.max(...found),
    prototypeGradient: relativeError(
      ours["grad.prototypes"]?.data as Float32Array,
      of("whole/grad.prototypes"),
    ),
  };
}

/** A weight of ours by BERT's name. */
function bertName(name: string): string {
  const parts: Readonly<Record<string, string>> = {
    "embeddings.word": "embeddings.word_embeddings.weight",
    "embeddings.position": "embeddings.position_embeddings.weight",
    "embeddings.type": "embeddings.token_type_embeddings.weight",
  };
  return (
    parts[name] ??
    name
      .replace(/^embeddings\.norm/, "embeddings.LayerNorm")
      .replace(/^layer/, "encoder.layer")
      .replace(/attention\.(query|key|value)/, "attention.self.$1")
      .replace("attention.output", "attention.output.dense")
      .replace("attention.norm", "attention.output.LayerNorm")
      .replace("intermediate", "intermediate.dense")
      .replace(/(\d+)\.output/, "$1.output.dense")
      .replace(/(\d+)\.norm/, "$1.output.LayerNorm")
  );
}

interface Prompt {
  readonly name: string;
  readonly site: TunedSite;
  readonly dims: readonly number[];
  /** Of its numbers: such that the text isn't drowned. */
  readonly deviation: number;
}

async function tuneStep(backbone: Backbone, site: TunedSite, texts: Feeds, rest: Feeds) {
  const firstLayer = site.kind === "soft" ? 0 : site.firstLayer;
  const { pool, ...ids } = texts;
  const lower = await backbone.open({ kind: "lower", firstLayer, cut: cutOf(site) });
  const { hidden } = await lower.run(ids);
  await lower.release();
  const tune = await backbone.open({ kind: "tune", site, dropout: false });
  const feeds = { hidden, mask: ids.mask, pool, ...rest } as Feeds;
  const results = await tune.run(feeds);
  await tune.release();
  return results;
}

/** Prototypes, targets, weights and scale of the cosine head. */
function drawHead(random: Prng, rows: number, classes: number, hiddenSize: number): Feeds {
  const targets = new Float32Array(rows * classes);
  for (let row = 0; row < rows; row++) targets[row * classes + random.integer(classes)] = 1;
  return {
    prototypes: normal(random, [classes, hiddenSize], 1),
    targets: float32(targets, [rows, classes]),
    weights: float32(new Float32Array(rows).fill(1 / rows), [rows]),
    scale: float32([20], []),
  };
}
