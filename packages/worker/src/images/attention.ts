import { gridOf, type VisionBackbone, type VisionSpec } from "@kilotune/backbone";
import type { AttentionMaps } from "@kilotune/contract";
import { float32 } from "@kilotune/engine";
import { type Box, prepareImage } from "@kilotune/image";
import type { Prompt } from "@kilotune/prompt";
import type { ImageSource } from "@kilotune/tuner";
import { siteOfImages } from "../prompt-part.ts";
import { type ImageFile, nameOfRow } from "./image-files.ts";
import { pictureOf } from "./picture.ts";

/**
 * Where a published prompt's tokens are looked at, on a few images; of a prompt without tokens whose head reads the class
 * token, where that one looks. Undefined where there is nothing of either.
 */
export async function attentionOf(
  backbone: VisionBackbone,
  prompt: Prompt,
  file: ImageFile<unknown>,
): Promise<AttentionMaps | undefined> {
  const spec = specOf(backbone, prompt);
  if (spec === undefined || file.count === 0) return undefined;
  const { config } = backbone.manifest;
  const [rows, columns] = gridOf(config);
  const layers = spec.layers.length;
  const { feeds } = siteOfImages(prompt, config.layers - 1);
  const session = await backbone.open(spec);
  const shares = new Float64Array(layers);
  let [tokens, images] = [0, [] as AttentionMaps["images"]];
  try {
    for (const row of spread(file.count, MOST_IMAGES)) {
      const { tensor, frame, picture } = await lookedAt(backbone, file.source, row);
      const pixels = float32(tensor, [1, 3, config.height, config.width]);
      const results = await session.run({ pixels, ...feeds });
      const [, , , columnsOfPrompt = 0] = results.prompt?.dims ?? [];
      tokens = Math.max(0, columnsOfPrompt - 1);
      const maps =
        results.prompt === undefined
          ? [{ token: null, values: classMap(results.class!.data as Float32Array, config.leadingTokens) }]
          : promptMaps(
              results.prompt.data as Float32Array,
              config.leadingTokens,
              tokens,
              rows * columns,
              shares,
            );
      images = [...images, { name: nameOfRow(file.rows[row]!), picture, frame, maps: maps.map(rounded) }];
    }
  } finally {
    await session.release();
  }
  const isPrompt = tokens > 0;
  return {
    of: isPrompt ? "prompt" : "class",
    layers: spec.layers.map((layer, at) => ({
      layer,
      share: isPrompt ? (shares[at] as number) / images.length : null,
    })),
    tokens,
    grid: { rows, columns },
    images,
  };
}

const MOST_IMAGES = 4;
/** Tokens with a map of their own, beside that of all. */
const MOST_TOKENS = 3;
const PICTURE_SIDE = 240;

type AttentionSpec = Extract<VisionSpec, { kind: "attention" }>;

function specOf({ manifest: { config } }: VisionBackbone, prompt: Prompt): AttentionSpec | undefined {
  const { task } = prompt.manifest;
  const readsClass =
    (task === "classification" || task === "multi_label") &&
    (prompt.manifest.head as { readonly feature?: string }).feature === "cls";
  const last = config.layers - 1;
  const { site } = siteOfImages(prompt, last);
  switch (site.kind) {
    case "channels":
    case "border":
      return undefined;
    case "kv":
    case "soft": {
      const first = site.kind === "kv" ? site.firstLayer : 0;
      // What patches look at in the last layer is nothing to the class token.
      const end = readsClass ? Math.max(first, last - 1) : last;
      const layers = Array.from({ length: end - first + 1 }, (_, at) => first + at);
      return { kind: "attention", site: site as AttentionSpec["site"], layers };
    }
    case "none":
    case "lora":
      // A head on patches asks nothing of the class token.
      if (!readsClass) return undefined;
      return { kind: "attention", site: site as AttentionSpec["site"], layers: [last] };
  }
}

async function lookedAt(backbone: VisionBackbone, source: ImageSource, row: number) {
  const { tensor, placement } = await prepareImage(
    source.codec,
    await source.file(row),
    backbone.manifest.preprocessing,
  );
  const { picture, scale } = await pictureOf(source, row, PICTURE_SIDE);
  const { region, inner, frame } = placement;
  const [across, down] = [region.width / inner.width, region.height / inner.height];
  const x = (at: number) => (region.left + (at - inner.left) * across) * scale;
  const y = (at: number) => (region.top + (at - inner.top) * down) * scale;
  const whole: Box = [x(0), y(0), x(frame.width), y(frame.height)];
  return { tensor, picture, frame: whole.map((side) => Math.round(side * 10) / 10) as unknown as Box };
}

/** [1, 1, S]: of the class token to each token -> to each patch. */
function classMap(data: Float32Array, leadingTokens: number): number[] {
  return [...data.slice(leadingTokens)];
}

interface TokenMap {
  readonly token: number | null;
  readonly values: readonly number[];
}

/** [1, A, S, P + 1] -> means over layers, of all tokens and of those that are looked at most. Adds to each layer's share. */
function promptMaps(
  data: Float32Array,
  leadingTokens: number,
  tokens: number,
  patches: number,
  shares: Float64Array,
): TokenMap[] {
  const byToken = Array.from({ length: tokens }, () => new Float64Array(patches));
  const all = new Float64Array(patches);
  const [perRow, perLayer] = [tokens + 1, (leadingTokens + patches) * (tokens + 1)];
  const layers = shares.length;
  for (let layer = 0; layer < layers; layer++)
    for (let patch = 0; patch < patches; patch++) {
      const at = layer * perLayer + (leadingTokens + patch) * perRow;
      for (let token = 0; token < tokens; token++) {
        const weight = data[at + token] as number;
        const own = byToken[token] as Float64Array;
        own[patch] = (own[patch] as number) + weight / layers;
        all[patch] = (all[patch] as number) + weight / layers;
        shares[layer] = (shares[layer] as number) + weight / patches;
      }
    }
  const most = byToken
    .map((values, token) => ({ token, values: [...values], sum: values.reduce((a, b) => a + b, 0) }))
    .sort((a, b) => b.sum - a.sum)
    .slice(0, tokens === 1 ? 0 : MOST_TOKENS);
  return [{ token: null, values: [...all] }, ...most.map(({ token, values }) => ({ token, values }))];
}

function rounded({ token, values }: TokenMap): TokenMap {
  return { token, values: values.map((value) => Number(value.toPrecision(3))) };
}

/** At most so many rows of a file, far apart. */
function spread(count: number, most: number): number[] {
  const wanted = Math.min(count, most);
  return Array.from({ length: wanted }, (_, at) => Math.floor((at * count) / wanted));
}
