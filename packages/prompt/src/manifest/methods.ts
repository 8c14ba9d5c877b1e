import { z } from "zod";
import { integerUpTo, positiveInteger, type Refuse } from "./fields.ts";

/** How a prompt joins the backbone, and where. VPT's deep prompts are published as the prefixes that they are. */

/** Of a wide product; what backbones have is some thousands. */
const MOST_WIDTH = 131_072;

const layers = { firstLayer: z.int().nonnegative(), layers: positiveInteger };

export const METHODS = {
  kv: { method: z.literal("kv"), sites: z.strictObject({ ...layers, tokens: positiveInteger }) },
  soft: { method: z.literal("soft"), sites: z.strictObject({ tokens: positiveInteger }) },
  /** Low-rank additions to queries and values of these layers; a factor such as alpha / rank is within the numbers. */
  lora: { method: z.literal("lora"), sites: z.strictObject({ ...layers, rank: positiveInteger }) },
  /** Differences of biases, of texts: see BiasDifferences. `width`: outputs of a layer's wide product. */
  bias: {
    method: z.literal("bias"),
    sites: z.strictObject({ ...layers, width: integerUpTo(MOST_WIDTH) }),
  },
  /** Of a convolutional graph: a scale and a shift of each channel of its stages, one after the other. */
  channels: { method: z.literal("channels"), sites: z.strictObject({ channels: integerUpTo(65_536) }) },
  /** Numbers added along the edges of what the backbone is fed, so many pixels wide. */
  border: { method: z.literal("border"), sites: z.strictObject({ width: integerUpTo(2048) }) },
  head: { method: z.literal("head") },
};

export type Method = keyof typeof METHODS;

/** What a manifest of this method has of it. */
export type PartOf<M extends Method> = z.infer<z.ZodObject<(typeof METHODS)[M], z.core.$strict>>;

export type MethodPart = { [M in Method]: PartOf<M> }[Method];

export function checkSites(
  part: MethodPart,
  backbone: { readonly layers: number; readonly image?: { readonly width: number; readonly height: number } },
  refuse: Refuse,
): void {
  if (part.method === "channels" && !("image" in backbone))
    refuse("method", "a backbone of texts has no channels");
  if (part.method === "border") checkBorder(part.sites.width, backbone.image, refuse);
  if (part.method === "bias" && "image" in backbone)
    refuse("method", "biases are learnt on a backbone of texts");
  if (part.method !== "kv" && part.method !== "lora" && part.method !== "bias") return;
  const { firstLayer, layers: prompted } = part.sites;
  if (part.method === "bias" && firstLayer + prompted < backbone.layers)
    refuse("sites", `expected biases up to the last layer, ${backbone.layers - 1}`);
  if (firstLayer + prompted <= backbone.layers) return;
  refuse(
    "sites",
    `layers ${firstLayer} to ${firstLayer + prompted - 1} don't exist in a backbone of ${backbone.layers}`,
  );
}

function checkBorder(
  width: number,
  image: { readonly width: number; readonly height: number } | undefined,
  refuse: Refuse,
): void {
  if (image === undefined) {
    refuse("method", "a backbone of texts sees no image with a border");
    return;
  }
  const most = Math.floor(Math.min(image.width, image.height) / 2);
  if (width > most) refuse("sites.width", `expected at most ${most}, half the image`);
}
