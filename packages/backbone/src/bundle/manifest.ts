import { KilotuneError } from "@kilotune/contract";
import type { TextConfig } from "../text/config.ts";
import type { Pooling } from "../text/sentence.ts";

/** What a bundle says of itself: `manifest.json`. */
export interface BackboneManifest {
  readonly format: typeof BUNDLE_FORMAT;
  readonly id: string;
  readonly family: "bert";
  readonly config: TextConfig;
  readonly pooling: Pooling;
  /** Longest input in tokens, special tokens included. */
  readonly maxTokens: number;
  /** SPDX name, or "unknown" for a folder of the user's own. */
  readonly licence: string;
  readonly identity: BackboneIdentity;
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
export const BUNDLE_FORMAT = "kilotune.backbone/5";

/** undefined where the manifest is of another format version, so that the caller builds the bundle again. */
export function parseManifest(json: unknown): BackboneManifest | undefined {
  if (typeof json !== "object" || json === null || !("format" in json)) throw refuse("no field `format`");
  if (json.format !== BUNDLE_FORMAT) return undefined;
  const manifest = json as BackboneManifest;
  const hashes = Object.values(manifest.identity ?? {});
  if (hashes.length !== 3 || hashes.some((hash) => !/^[0-9a-f]{64}$/.test(String(hash)))) {
    throw refuse("an identity without three SHA-256 hashes");
  }
  return manifest;
}

function refuse(seen: string): KilotuneError {
  return new KilotuneError(
    "bad_bundle",
    `expected a backbone's manifest.json, saw ${seen}`,
    "Delete the bundle's folder; it is built again from the checkpoint.",
  );
}
