import { KilotuneError } from "@kilotune/contract";
import type { PromptManifest } from "./manifest.ts";
import { printable, quote } from "./quote.ts";

/** What a backbone is, as far as a prompt depends on it. */
export type BackboneIdentity = Omit<PromptManifest["backbone"], "licence">;

/**
 * Throws `backbone_mismatch` unless this is the backbone that the prompt was tuned on, with both values of each thing
 * that differs. The shapes are compared too: a forged manifest with the right hashes must not reach a session.
 */
export function assertCompatible(
  { backbone }: Pick<PromptManifest, "backbone">,
  identity: BackboneIdentity,
): void {
  const differing = BINDING.filter(({ key }) => backbone[key] !== identity[key]);
  const [first] = differing;
  if (first === undefined) return;
  const words = differing.map(({ key, title }) => `${title} ${backbone[key]}, but saw ${identity[key]}`);
  throw new KilotuneError(
    "backbone_mismatch",
    `prompt for backbone ${quote(backbone.id)} on backbone ${quote(identity.id)}: expected ${words.join("; ")}`,
    first.hint(printable(backbone.id)),
  );
}

type BindingKey = Exclude<keyof BackboneIdentity, "id">;

const FORGED = () => "The manifest contradicts the backbone whose hashes it gives: tune again.";

/** In the order of cause: other weights mostly come with another tokenizer, and then the first hint is the one to follow. */
const BINDING: readonly { key: BindingKey; title: string; hint: (backboneId: string) => string }[] = [
  {
    key: "weightsSha256",
    title: "weights of SHA-256",
    hint: (id) => `Load the prompt on the backbone it was tuned on (${id}), or tune again on this one.`,
  },
  {
    key: "tokenizerSha256",
    title: "a tokenizer of SHA-256",
    hint: (id) =>
      `Tokens were added or the tokenizer was replaced: restore the tokenizer of ${id}, or tune again with this one.`,
  },
  {
    key: "preprocessingSha256",
    title: "preprocessing settings of SHA-256",
    hint: (id) =>
      `Lower-casing, pooling or another setting differs: restore the settings of ${id}, or tune again with these.`,
  },
  { key: "layers", title: "a number of layers of", hint: FORGED },
  { key: "hiddenSize", title: "a hidden size of", hint: FORGED },
  { key: "heads", title: "a number of heads of", hint: FORGED },
  { key: "headDim", title: "a head dimension of", hint: FORGED },
];
