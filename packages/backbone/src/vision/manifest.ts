import { KilotuneError } from "@kilotune/contract";
import type { Preprocessing } from "@kilotune/image";
import type { VisionConfig } from "./config.ts";

/** What a vision backbone's bundle says of itself: `manifest.json`. */
export interface VisionManifest {
  readonly format: typeof VISION_FORMAT;
  readonly kind: "vision";
  readonly id: string;
  /** onnx: a transformer taken from an exported graph. graph: any other exported graph, as it is. */
  readonly family: "vit" | "dinov2" | "onnx" | "graph";
  readonly config: VisionConfig;
  /** How an image becomes the tensor `pixels`. */
  readonly preprocessing: Preprocessing;
  /** SPDX name, or "unknown" for a folder of the user's own. */
  readonly licence: string;
  readonly identity: VisionIdentity;
  /** Of `weights.safetensors`. */
  readonly weightsBytes: number;
}

/** What a prompt is bound to: change one, and the prompt is meaningless. SHA-256, in hex. */
export interface VisionIdentity {
  /** Of the checkpoint's own weights file, so that it is the same whatever a bundle's layout is. */
  readonly weightsSha256: string;
  /** Of the preprocessing, the image's size included: see preprocessingSha256 of @kilotune/image. */
  readonly preprocessingSha256: string;
}

/** Raised when a graph or the layout of the weights changes: an older bundle is then built anew. */
export const VISION_FORMAT = "kilotune.vision/1";

/** undefined where the manifest is of another format version, so that the caller builds the bundle again. */
export function parseVisionManifest(json: unknown): VisionManifest | undefined {
  if (typeof json !== "object" || json === null || !("format" in json)) throw refuse("no field `format`");
  if (json.format !== VISION_FORMAT) return undefined;
  const manifest = json as VisionManifest;
  const hashes = Object.values(manifest.identity ?? {});
  if (hashes.length !== 2 || hashes.some((hash) => !/^[0-9a-f]{64}$/.test(String(hash))))
    throw refuse("an identity without two SHA-256 hashes");
  return manifest;
}

function refuse(seen: string): KilotuneError {
  return new KilotuneError(
    "bad_bundle",
    `expected a vision backbone's manifest.json, saw ${seen}`,
    "Delete the bundle's folder; it is built again from the checkpoint.",
  );
}
