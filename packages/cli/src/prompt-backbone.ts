import { type Backbone, KNOWN_BACKBONES, type Precision } from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";
import { assertCompatible, type PromptManifest } from "@kilotune/prompt";
import { oneLine } from "./terminal/printable.ts";
import type { Terminal } from "./terminal/terminal.ts";

/**
 * The backbone to open for a prompt: the one that the user names, else the one that the prompt was tuned on, if it is a
 * known one. A manifest is a stranger's text: it never names a folder to open.
 */
export function backboneFor({ backbone }: PromptManifest, asked: string | undefined): string {
  if (asked !== undefined) return asked;
  if (KNOWN_BACKBONES.some(({ id }) => id === backbone.id)) return backbone.id;
  throw new KilotuneError(
    "unknown_backbone",
    `The prompt was tuned on "${oneLine(backbone.id, 100)}" (weights of SHA-256 ${backbone.weightsSha256}), which isn't a backbone known by name.`,
    "Give its checkpoint's folder: --backbone ./folder.",
    { kind: "usage" },
  );
}

/** @throws KilotuneError `backbone_mismatch`, with both hashes */
export function assertFits(manifest: PromptManifest, { manifest: backbone }: Backbone): void {
  const { layers, hiddenSize, heads, headDim } = backbone.config;
  assertCompatible(manifest, { id: backbone.id, ...backbone.identity, layers, hiddenSize, heads, headDim });
}

/** What a prompt's metrics were measured in. */
export function precisionOf({ precision }: PromptManifest): Precision {
  return precision ?? "fp32";
}

/**
 * A prompt fits its backbone in either precision: accuracy moves by tenths of a point (`npm run -s bench -- int8`), so that it is
 * told and not refused.
 */
export function noteOtherPrecision(
  file: string,
  manifest: PromptManifest,
  precision: Precision,
  terminal: Terminal,
): void {
  const measured = precisionOf(manifest);
  if (measured === precision) return;
  terminal.say(`${oneLine(file, 200)} was measured in ${measured} and answers in ${precision} here.`);
}
