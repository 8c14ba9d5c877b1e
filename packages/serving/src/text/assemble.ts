import { type BackboneManifest, packTexts } from "@kilotune/backbone";
import type { Feeds } from "@kilotune/engine";
import { additionFeeds } from "../additions.ts";
import { prefixFeeds } from "../prefixes.ts";
import { softFeeds } from "../soft-tokens.ts";
import type { Bucket } from "./buckets.ts";
import type { PreparedPrompt } from "./prepare-prompt.ts";

/** One text on its way through the backbone. */
export interface Row {
  /** Special tokens included, at most what the prompt and the backbone allow. */
  readonly ids: Int32Array;
  /** Of a pair: which of its texts each id belongs to. */
  readonly typeIds?: Int32Array;
  readonly truncated: boolean;
  /** undefined: the plain backbone. */
  readonly prompt: PreparedPrompt | undefined;
  readonly bucket: Bucket;
  /** Of rows whose words are answered: see makeWordRow. */
  readonly wordPlaces?: Int32Array;
}

/**
 * Rows of one bucket -> feeds of the serving graph, whatever their prompts are.
 */
export function assemble(
  rows: readonly Row[],
  { sequence, prefix }: Bucket,
  manifest: BackboneManifest,
): Feeds {
  return {
    ...packTexts(
      rows.map(({ ids }) => ids),
      sequence,
      manifest.pooling,
      rows.map(({ prompt, typeIds }) => ({ ...prompt?.place, ...(typeIds && { typeIds }) })),
    ),
    ...softFeeds(
      rows.map(({ prompt }) => prompt?.soft),
      sequence,
      manifest.config.hiddenSize,
    ),
    ...prefixFeeds(
      rows.map(({ prompt }) => prompt?.prefix),
      prefix,
      manifest.config,
    ),
    ...additionFeeds(rows.map(({ prompt }) => prompt?.added)),
  };
}
