import { KilotuneError } from "@kilotune/contract";
import type { Preprocessing } from "@kilotune/image";
import type { VisionIdentity } from "../vision/manifest.ts";
import type { ExporterFacts } from "./exporter.ts";
import type { Stage } from "./stages.ts";

/** What the bundle of a frozen graph says of itself: `manifest.json`. */
export interface FrozenManifest {
  readonly format: typeof FROZEN_FORMAT;
  readonly kind: "vision";
  readonly id: string;
  readonly family: "graph";
  readonly stages: readonly Stage[];
  /** The original graph's outputs that are left, by its names. */
  readonly outputs: readonly string[];
  /** Ops behind which nothing was taken over, such as NonMaxSuppression. */
  readonly leftOut: readonly string[];
  /** What its exporter says of the weights: a task and classes of their own, which heads here don't use. */
  readonly exporter?: Pick<ExporterFacts, "task" | "classes">;
  readonly preprocessing: Preprocessing;
  readonly licence: string;
  readonly identity: VisionIdentity;
  readonly weightsBytes: number;
}

/** Raised when the layout of a bundle changes: an older one is then built anew. */
export const FROZEN_FORMAT = "kilotune.frozen/1";

/** undefined where the manifest is of another format, so that the caller builds the bundle again. */
export function parseFrozenManifest(json: unknown): FrozenManifest | undefined {
  if (typeof json !== "object" || json === null || !("format" in json)) {
    throw new KilotuneError(
      "bad_bundle",
      "expected a frozen graph's manifest.json, saw no field `format`",
      "Delete the bundle's folder; it is built again from the file.",
    );
  }
  return json.format === FROZEN_FORMAT ? (json as FrozenManifest) : undefined;
}
