import type { OpenGraph, Session } from "@kilotune/engine";
import type { VisionSite } from "./graph.ts";
import type { VisionAnswer, VisionHead, VisionSpec } from "./graphs.ts";
import type { VisionManifest } from "./manifest.ts";

/** A frozen vision backbone, ready to run, wherever it lies. */
export interface VisionBackbone {
  readonly manifest: VisionManifest;
  /** Opens one of its graphs. The caller releases the session. */
  open(spec: VisionSpec): Promise<Session>;
  /** Opens the tuning graph of a head of the caller's: for segmentation, detection, several labels. */
  openTuned(site: VisionSite, head: VisionHead, options?: { dropout?: boolean }): Promise<Session>;
  /** Opens the same without loss and gradients. */
  openAnswering(site: VisionSite, head: VisionAnswer): Promise<Session>;
  /** Opens any graph on the same runtime: the small ones of heads and probes. */
  readonly openGraph: OpenGraph;
}
