import type { Graph, GraphBuilder, Value } from "@kilotune/engine";
import { additionDims, servedAdditions, sharedAdditions, splitAxis } from "../encoder/additions.ts";
import type { Attended } from "../encoder/parts.ts";
import { prefixGraph } from "../encoder/prefix-graph.ts";
import type { WeightPlaces } from "../weight-places.ts";
import { tokensOf, type VisionConfig } from "./config.ts";
import { VisionEncoder } from "./encoder.ts";

/**
 * A vision transformer as graphs, with prompt sites.
 *
 * B images, S tokens, N patches, H hidden size, D head dim, L layers, P prompt tokens; M prefixes and Q soft vectors in a
 * batch's tables, Z soft slots of a row.
 */

/**
 * How a prompt joins. kv: keys and values in front of each layer's own, from `firstLayer` on. deep: VPT-deep (Jia et al.,
 * arXiv:2203.12119), tokens at each layer from `firstLayer` on, replaced at the next. soft: VPT-shallow, tokens beside the
 * patches, below the first layer. channels: of a convolutional graph, a scale and a shift of each of its stages' channels. border: of
 * a graph that stays as it is, numbers added along the image's edges, so many pixels wide. lora: LoRA on queries and values from `firstLayer` on. none: the plain backbone, cut at
 * `firstLayer`.
 */
export type VisionSite =
  | { readonly kind: "none"; readonly firstLayer: number }
  | { readonly kind: "kv"; readonly firstLayer: number }
  | { readonly kind: "deep"; readonly firstLayer: number }
  | { readonly kind: "lora"; readonly firstLayer: number }
  | { readonly kind: "soft" }
  | {
      readonly kind: "channels";
      /** The first stage that is changed, by its place among those that can be; all where left out. */
      readonly firstStage?: number;
    }
  | { readonly kind: "border"; readonly width: number };

/** Those that a transformer has. */
export type EncoderSite = Exclude<VisionSite, { kind: "channels" | "border" }>;

/** What a head reads: the class token [B, H], the patches [B, N, H], the patches behind so many layers. All normed. */
export interface VisionFeatures {
  readonly cls?: Value;
  readonly patches?: Value;
  readonly taps: ReadonlyMap<number, Value>;
}

export interface Wanted {
  readonly cls?: boolean;
  readonly patches?: boolean;
  /** Numbers of layers, each at least 1 and below all. */
  readonly taps?: readonly number[];
}

/**
 * Pixels in, features out, with every prompt site: the graph that serves. A row has the prefix `kv_index` of the table `kv`
 * [M, L, 2, heads, P, D], seen where `kv_mask` [M, L, P] is 1, and the soft vectors `soft_index` [B, Z] of the table `soft`
 * [Q, H], none where the index is 0. Deep prompts are served as the prefixes that they are: see `visionPrefixGraph`.
 * With `added` each row has also additions of that kind: see servedAdditions.
 */
export function visionServeGraph(
  config: VisionConfig,
  weights: WeightPlaces,
  wanted: Wanted,
  added?: "lora",
): Graph {
  const { layers: L, heads, headDim: D, hiddenSize: H } = config;
  const vit = new VisionEncoder("serve", config, weights);
  const { b } = vit;
  const pixels = vit.pixels();
  const soft = b.input("soft", "float32", ["Q", H]);
  const softIndex = b.input("soft_index", "int64", ["B", "Z"]);
  const prefixes = b.input("kv", "float32", ["M", L, 2, heads, "P", D]);
  const prefixMask = b.input("kv_mask", "float32", ["M", L, "P"]);
  const prefixIndex = b.input("kv_index", "int64", ["B"]);

  const image = vit.embed(pixels);
  const tokens = b.op("Concat", [image, b.op("Gather", [soft, softIndex], { axis: 0 })], { axis: 1 });
  const used = b.op("Cast", [b.op("Greater", [softIndex, b.ints([0])])], { to: 1 });
  const softBias = vit.maskBias(used, ["B", 1, 1, "S"]);
  const free = b.op("Expand", [b.scalar(0), vit.shape(["B", 1, 1, tokensOf(config)], image, soft)]);
  const tables = splitAxis(b, b.op("Reshape", [prefixes, b.ints([0, L * 2, heads, -1, D])]), 1, L * 2);
  const masks = splitAxis(b, prefixMask, 1, L);
  const pick = (table: Value) => b.op("Gather", [table, prefixIndex], { axis: 0 });
  const additions = added && servedAdditions(b, added, config);
  const attended = (layer: number) => {
    const prefixBias = vit.maskBias(pick(masks[layer] as Value), ["B", 1, 1, "P"]);
    return {
      prefix: { key: pick(tables[2 * layer] as Value), value: pick(tables[2 * layer + 1] as Value) },
      bias: b.op("Concat", [prefixBias, free, softBias], { axis: 3 }),
      ...(additions && { added: additions.ofLayer(layer) }),
    };
  };
  give(
    b,
    featuresOf(vit, wanted, (onLayer) => vit.layers(tokens, { attended, onLayer })),
  );
  return b.build();
}

/**
 * Pixels -> `hidden`, everything that a prompt at `site` can't change, computed once an image, with the taps that lie below.
 *
 * soft: the tokens [B, S, H] below the first layer; lora: those below layer `firstLayer`. Else the cut lies within the
 * attention of that layer, where a prefix first meets the image: [B, S, 3 H + heads].
 */
export function visionLowerGraph(
  config: VisionConfig,
  weights: WeightPlaces,
  site: EncoderSite,
  taps: readonly number[] = [],
): Graph {
  const vit = new VisionEncoder("lower", config, weights);
  const { b } = vit;
  const image = vit.embed(vit.pixels());
  if (site.kind === "soft") {
    b.output(image, "hidden");
    return b.build();
  }
  const below = taps.filter((tap) => tap <= site.firstLayer);
  const to = site.firstLayer;
  let cut: Value | undefined;
  const features = featuresOf(vit, { taps: below }, (onLayer) => {
    const tokens = vit.layers(image, { to, onLayer });
    cut = site.kind === "lora" ? tokens : vit.cutAt(tokens, site.firstLayer);
    return tokens;
  });
  b.output(cut as Value, "hidden");
  give(b, features);
  return b.build();
}

/**
 * What `visionLowerGraph` gave and one prompt for all images -> features, added to `b`'s graph; a head goes on from there.
 * Inputs: `hidden`, and kv: `kv` [L - firstLayer, 2, heads, P, D]; deep: `deep` [L - firstLayer, P, H]; soft: `soft` [P, H];
 * lora: see sharedAdditions.
 * With `dropout`, an input `dropout.prompt` of the prompt's shape, 0 or 1 / (1 - rate), is multiplied into it.
 */
export function visionUpper(
  config: VisionConfig,
  weights: WeightPlaces,
  site: EncoderSite,
  wanted: Wanted,
  options: { name: string; dropout?: boolean },
): { readonly builder: GraphBuilder; readonly features: VisionFeatures } {
  const { layers: L, heads, headDim: D, hiddenSize: H } = config;
  const vit = new VisionEncoder(options.name, config, weights);
  const { b } = vit;
  const S = tokensOf(config);
  const hidden = b.input("hidden", "float32", ["B", S, isCutBelow(site) ? H : 3 * H + heads]);
  const dropped = (prompt: Value) =>
    options.dropout ? b.op("Mul", [prompt, b.input("dropout.prompt", prompt.dtype, prompt.shape)]) : prompt;
  // Nothing else is read of the last layer, so nothing else of it is computed.
  const reads = wanted.patches ? "all" : "class";
  const built = (layers: (onLayer: OnLayer) => Value) => ({
    builder: b,
    features: featuresOf(vit, wanted, layers),
  });

  if (site.kind === "soft") {
    const soft = vit.forEachRow(dropped(b.input("soft", "float32", ["P", H])), hidden);
    const tokens = b.op("Concat", [hidden, soft], { axis: 1 });
    return built((onLayer) => vit.layers(tokens, { reads, onLayer }));
  }
  const above = { ...wanted, taps: wanted.taps?.filter((tap) => tap > site.firstLayer) ?? [] };
  const prompted = L - site.firstLayer;
  let attended: (layer: number) => Attended = () => ({});
  if (site.kind === "deep") {
    const parts = splitAxis(b, dropped(b.input("deep", "float32", [prompted, "P", H])), 0, prompted);
    attended = (layer) => ({ prefix: vit.prefixOf(parts[layer - site.firstLayer] as Value, layer) });
  }
  if (site.kind === "kv") {
    const kv = dropped(b.input("kv", "float32", [prompted, 2, heads, "P", D]));
    const parts = splitAxis(b, b.op("Reshape", [kv, b.ints([2 * prompted, heads, -1, D])]), 0, 2 * prompted);
    const shared = (part: number) => b.op("Unsqueeze", [parts[part] as Value, b.ints([0])]);
    attended = (layer) => {
      const at = 2 * (layer - site.firstLayer);
      return { prefix: { key: shared(at), value: shared(at + 1) } };
    };
  }
  if (site.kind === "lora") {
    const { kind, firstLayer } = site;
    const lora = dropped(b.input(kind, "float32", additionDims(kind, config, firstLayer, "R")));
    const { ofLayer } = sharedAdditions(b, kind, lora, config, firstLayer);
    const adapted = (onLayer: OnLayer) =>
      vit.layers(hidden, {
        from: firstLayer,
        attended: (layer) => ({ added: ofLayer(layer) }),
        reads,
        onLayer,
      });
    return { builder: b, features: featuresOf(vit, above, adapted) };
  }
  const layers = (onLayer: OnLayer) =>
    vit.layersFromCut(hidden, site.firstLayer, { attended, reads, onLayer });
  return { builder: b, features: featuresOf(vit, above, layers) };
}

/** Where a site's lower graph ends at whole tokens, not within an attention. */
function isCutBelow(site: EncoderSite): boolean {
  return site.kind === "soft" || site.kind === "lora";
}

/** See prefixGraph. */
export function visionPrefixGraph(config: VisionConfig, weights: WeightPlaces, firstLayer: number): Graph {
  return prefixGraph(new VisionEncoder("prefix", config, weights), config, firstLayer);
}

/** Names the features as outputs of the graph: `cls`, `patches`, `tap-3`. */
export function give(b: GraphBuilder, { cls, patches, taps }: VisionFeatures): void {
  if (cls !== undefined) b.output(cls, "cls");
  if (patches !== undefined) b.output(patches, "patches");
  for (const [layers, tap] of taps) b.output(tap, `tap-${layers}`);
}

type OnLayer = (layers: number, tokens: Value) => void;

function featuresOf(vit: VisionEncoder, wanted: Wanted, build: (onLayer: OnLayer) => Value): VisionFeatures {
  const taps = new Map<number, Value>();
  const tokens = build((layers, behind) => {
    if (wanted.taps?.includes(layers)) taps.set(layers, vit.patches(behind));
  });
  return {
    ...(wanted.cls && { cls: vit.classToken(tokens) }),
    ...(wanted.patches && { patches: vit.patches(tokens) }),
    taps,
  };
}
