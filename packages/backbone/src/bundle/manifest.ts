import { KilotuneError } from "@kilotune/contract";
import { PRECISIONS, type Precision } from "./quantize-weights.ts";
import type { TextConfig } from "../text/config.ts";
import type { TextFamily } from "../text/families.ts";
import type { SentencePreprocessing } from "../text/sentence.ts";

/** What a bundle says of itself: `manifest.json`. */
export interface BackboneManifest extends SentencePreprocessing {
  readonly format: typeof BUNDLE_FORMAT;
  readonly id: string;
  readonly family: TextFamily;
  readonly config: TextConfig;
  /** SPDX name, or "unknown" for a folder of the user's own. */
  readonly licence: string;
  readonly identity: BackboneIdentity;
  /** What products are computed in. A prompt fits either, by its identity, and says which one it was measured on. */
  readonly precision: Precision;
  /** Of `weights.safetensors` where it isn't the checkpoint's numbers: says which rounding of them it holds. */
  readonly storedSha256?: string;
  /** Of `weights.safetensors`. */
  readonly weightsBytes: number;
}

/** What a prompt is bound to: change one, and the prompt is meaningless. All SHA-256, in hex. */
export interface BackboneIdentity {
  /** Of the checkpoint's own weights file, so that it is the same whatever a bundle's layout is. */
  readonly weightsSha256: string;
  readonly tokenizerSha256: string;
  /** Of pooling, length limit and whatever else happens between a text and its vector. */
  readonly preprocessingSha256: string;
}

/** Raised when a graph or the layout of the weights changes: an older bundle is then built anew. */
export const BUNDLE_FORMAT = "kilotune.backbone/9";

/** undefined where the manifest is of another format version, so that the caller builds the bundle again. */
export function parseManifest(json: unknown): BackboneManifest | undefined {
  if (typeof json !== "object" || json === null || !("format" in json)) throw refuse("no field `format`");
  if (json.format !== BUNDLE_FORMAT) return undefined;
  const manifest = { precision: "fp32", normalize: true, ...json } as BackboneManifest;
  const hashes = Object.values(manifest.identity ?? {});
  if (hashes.length !== 3 || hashes.some((hash) => !/^[0-9a-f]{64}$/.test(String(hash)))) {
    throw refuse("an identity without three SHA-256 hashes");
  }
  if (!PRECISIONS.includes(manifest.precision))
    throw refuse(`a precision other than ${PRECISIONS.join(" or ")}`);
  return manifest;
}

function refuse(seen: string): KilotuneError {
  return new KilotuneError(
    "bad_bundle",
    `expected a backbone's manifest.json, saw ${seen}`,
    "Delete the bundle's folder; it is built again from the checkpoint.",
  );
}
