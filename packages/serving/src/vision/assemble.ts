import type { VisionConfig } from "@kilotune/backbone";
import { type Feeds, float32, type Tensor } from "@kilotune/engine";
import { addBorder } from "@kilotune/image";
import { additionFeeds } from "../additions.ts";
import type { Batchable } from "../batcher.ts";
import { prefixFeeds } from "../prefixes.ts";
import { softFeeds } from "../soft-tokens.ts";
import type { Slots } from "./buckets.ts";
import type { ImageFeatures } from "./heads.ts";
import type { PreparedImagePrompt } from "./prepare-prompt.ts";

/** One image with one prompt on its way through the backbone. */
export interface ImageRow extends Batchable {
  /** As the request gave it. */
  readonly image: object;
  /** [3, height, width] */
  readonly tensor: Float32Array;
  readonly prompt: PreparedImagePrompt;
  readonly slots: Slots;
  /** Names of what is read of it. */
  readonly outputs: Set<string>;
}

/** Rows of one batch key -> feeds of the serving graph, whatever their prompts are. */
export function assembleImages(rows: readonly ImageRow[], config: VisionConfig): Feeds {
  const { height, width, hiddenSize } = config;
  const size = 3 * height * width;
  const pixels = new Float32Array(rows.length * size);
  rows.forEach(({ tensor, prompt: { border } }, at) => {
    pixels.set(tensor, at * size);
    if (border) addBorder(pixels, at * size, border.data, border.places, config);
  });
  if (config.channels !== undefined)
    return {
      ...(config.channels > 0 && channelFeeds(rows, config.channels)),
      pixels: float32(pixels, [rows.length, 3, height, width]),
    };
  const { slots } = rows[0]!;
  const prompts = rows.map(({ prompt }) => prompt);
  return {
    pixels: float32(pixels, [rows.length, 3, height, width]),
    ...softFeeds(
      prompts.map(({ soft }) => soft),
      slots.soft,
      hiddenSize,
    ),
    ...prefixFeeds(
      prompts.map(({ prefix }) => prefix),
      slots.prefix,
      config,
    ),
    ...additionFeeds(prompts.map(({ added }) => added)),
  };
}

/** [B, 2, K]: zeros change nothing. */
function channelFeeds(rows: readonly ImageRow[], channels: number): Feeds {
  const all = new Float32Array(rows.length * 2 * channels);
  rows.forEach(({ prompt }, at) => {
    if (prompt.channels) all.set(prompt.channels, at * 2 * channels);
  });
  return { channels: float32(all, [rows.length, 2, channels]) };
}

/** What a pass gave of its row `at`. Copies: a view would keep the whole batch in memory. */
export function featuresOf(
  { outputs }: ImageRow,
  at: number,
  results: Readonly<Record<string, Tensor>>,
  { hiddenSize: H, patchSize, height, width }: VisionConfig,
): ImageFeatures {
  const patches = ((height * width) / patchSize ** 2) * H;
  const slice = (name: string, size: number) =>
    (results[name]!.data as Float32Array).slice(at * size, (at + 1) * size);
  const taps = [...outputs].filter((name) => name.startsWith(TAP));
  return {
    ...(outputs.has("cls") && { cls: slice("cls", H) }),
    ...(outputs.has("patches") && { patches: slice("patches", patches) }),
    taps: new Map(taps.map((name) => [Number(name.slice(TAP.length)), slice(name, patches)])),
  };
}

const TAP = "tap-";
