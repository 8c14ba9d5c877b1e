import type { Backbone } from "@kilotune/backbone";
import type { Prng } from "@kilotune/dataset";
import { type Feeds, float32, type Session } from "@kilotune/engine";
import { splitByLength } from "./data/batches.ts";
import type { DropoutMasks } from "./dropout-masks.ts";
import { type PromptSite, promptFeed } from "./prompt-site.ts";
import type { TuneSettings } from "./settings.ts";
import type { TuneData, TuneState } from "./tune.ts";

/** What doesn't change from batch to batch. */
export interface GradientContext {
  readonly settings: TuneSettings;
  readonly site: PromptSite;
  readonly backbone: Backbone;
  /** The backbone's `tune` graph for the settings' site. */
  readonly session: Session;
  readonly data: TuneData;
  readonly masks: DropoutMasks | undefined;
}

export interface BatchGradients {
  /** Weighted mean over the batch, in nats. */
  readonly loss: number;
  readonly prompt: Float32Array;
  readonly prototypes: Float32Array;
}

/**
 * Loss and gradients of one batch. A batch with a few long rows goes through in two passes, each padded to its own
 * longest row: the gradients are sums over rows, so they are the same but for rounding.
 */
export async function batchGradients(
  context: GradientContext,
  state: TuneState,
  batch: readonly number[],
  random: Prng,
): Promise<BatchGradients> {
  const passes = splitByLength(batch, context.data.store.lengths);
  let sum: BatchGradients | undefined;
  for (const rows of passes) {
    const results = await context.session.run(await passFeeds(context, state, rows, batch.length, random));
    const pass = {
      loss: results.loss?.data[0] as number,
      prompt: results[`grad.${context.site.site.kind}`]?.data as Float32Array,
      prototypes: results["grad.prototypes"]?.data as Float32Array,
    };
    sum = sum === undefined ? pass : added(sum, pass);
  }
  return sum as BatchGradients;
}

async function passFeeds(
  { settings, site, backbone, data, masks }: GradientContext,
  state: TuneState,
  rows: readonly number[],
  batchSize: number,
  random: Prng,
): Promise<Feeds> {
  const { hiddenSize, heads, layers } = backbone.manifest.config;
  const texts = await data.store.batch(rows);
  const B = rows.length;
  const targets = new Float32Array(B * data.classes);
  const weights = new Float32Array(B);
  rows.forEach((row, at) => {
    targets[at * data.classes + (data.labels[row] as number)] = 1;
    weights[at] = (data.rowWeights?.[row] ?? 1) / batchSize;
  });
  const dropout: Record<string, Feeds[string]> = {};
  if (masks !== undefined) {
    const S = texts.hidden?.dims[1] as number;
    const queries = settings.method === "soft" ? settings.tokens + S : S;
    dropout["dropout.prompt"] = masks.draw(site.dims, random);
    for (let layer = settings.firstLayer; layer < layers; layer++) {
      // In a late prompt's first layer the text's own attention is frozen: there the mask is on the prefix alone.
      const keys = layer === settings.firstLayer && layer > 0 ? settings.tokens : settings.tokens + S;
      dropout[`dropout.${layer}.attention`] = masks.draw([B, heads, queries, keys], random);
      dropout[`dropout.${layer}.mixed`] = masks.draw([B * queries, hiddenSize], random);
      dropout[`dropout.${layer}.output`] = masks.draw([B * queries, hiddenSize], random);
    }
  }
  return {
    ...texts,
    ...promptFeed(site, state.prompt),
    ...dropout,
    prototypes: float32(state.prototypes, [data.classes, hiddenSize]),
    scale: float32([1 / settings.temperature], []),
    targets: float32(targets, [B, data.classes]),
    weights: float32(weights, [B]),
  };
}

function added(a: BatchGradients, b: BatchGradients): BatchGradients {
  const sum = (left: Float32Array, right: Float32Array) =>
    left.map((value, i) => value + (right[i] as number));
  return {
    loss: a.loss + b.loss,
    prompt: sum(a.prompt, b.prompt),
    prototypes: sum(a.prototypes, b.prototypes),
  };
}
