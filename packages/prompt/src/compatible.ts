import { KilotuneError } from "@kilotune/contract";
import type { ImageBackbone, TextBackbone } from "./manifest/backbones.ts";
import type { PromptManifest } from "./manifest.ts";
import { printable, quote } from "./quote.ts";

/** What a backbone is, as far as a prompt depends on it. */
export type BackboneIdentity = TextIdentity | ImageIdentity;

export type TextIdentity = Omit<TextBackbone, "licence">;
export type ImageIdentity = Omit<ImageBackbone, "licence">;

/**
 * Throws `backbone_mismatch` unless this is the backbone that the prompt was tuned on, with both values of each thing
 * that differs. The shapes are compared too: a forged manifest with the right hashes must not reach a session.
 */
export function assertCompatible(
  { backbone }: { readonly backbone: PromptManifest["backbone"] },
  identity: BackboneIdentity,
): void {
  const differing = BINDING.flatMap(({ valueIn, title, hint }) => {
    const [expected, seen] = [valueIn(backbone), valueIn(identity)];
    return expected === seen ? [] : [{ words: `${title} ${expected}, but saw ${seen}`, hint }];
  });
  const [first] = differing;
  if (first === undefined) return;
  throw new KilotuneError(
    "backbone_mismatch",
    `prompt for backbone ${quote(backbone.id)} on backbone ${quote(identity.id)}: expected ${differing.map(({ words }) => words).join("; ")}`,
    first.hint(printable(backbone.id)),
  );
}

interface Bound {
  readonly title: string;
  readonly valueIn: (backbone: BackboneIdentity) => string | number;
  readonly hint: (backboneId: string) => string;
}

const FORGED = () => "The manifest contradicts the backbone whose hashes it gives: tune again.";

/** In the order of cause: other weights mostly come with another tokenizer, and then the first hint is the one to follow. */
const BINDING: readonly Bound[] = [
  {
    title: "weights of SHA-256",
    valueIn: ({ weightsSha256 }) => weightsSha256,
    hint: (id) => `Load the prompt on the backbone it was tuned on (${id}), or tune again on this one.`,
  },
  {
    title: "a tokenizer of SHA-256",
    valueIn: (backbone) => ("tokenizerSha256" in backbone ? backbone.tokenizerSha256 : "none, for images"),
    hint: (id) =>
      `Tokens were added or the tokenizer was replaced: restore the tokenizer of ${id}, or tune again with this one.`,
  },
  {
    title: "preprocessing settings of SHA-256",
    valueIn: ({ preprocessingSha256 }) => preprocessingSha256,
    hint: (id) =>
      `Lower-casing, pooling, an image's size or another setting differs: restore the settings of ${id}, or tune again with these.`,
  },
  { title: "a number of layers of", valueIn: ({ layers }) => layers, hint: FORGED },
  { title: "a hidden size of", valueIn: ({ hiddenSize }) => hiddenSize, hint: FORGED },
  { title: "a number of heads of", valueIn: ({ heads }) => heads, hint: FORGED },
  { title: "a head dimension of", valueIn: ({ headDim }) => headDim, hint: FORGED },
  { title: "images of", valueIn: imageSize, hint: FORGED },
  {
    title: "patches of",
    valueIn: (backbone) => ("patchSize" in backbone ? backbone.patchSize : "none, for texts"),
    hint: FORGED,
  },
];

function imageSize(backbone: BackboneIdentity): string {
  if (!("image" in backbone)) return "none, for texts";
  return `${backbone.image.width} x ${backbone.image.height}`;
}
