import type { OpenGraph, Session, Tensor } from "@kilotune/engine";
import type { GraphSpec, TextHead } from "./bundle/graphs.ts";
import type { BackboneManifest } from "./bundle/manifest.ts";
import type { UpperSite } from "./text/graph.ts";
import type { Tokenizer } from "./tokenizer/load-tokenizer.ts";

/** A frozen backbone, ready to run: what tuner and serving are given, wherever it lies. */
export interface Backbone {
  readonly manifest: BackboneManifest;
  readonly tokenizer: Tokenizer;
  /** Opens one of its graphs. The caller releases the session. */
  open(spec: GraphSpec): Promise<Session>;
  /** Opens the tuning graph of a head of the caller's: for several labels, for tokens, for numbers. */
  openTuned(site: UpperSite, head: TextHead, options?: { dropout?: boolean }): Promise<Session>;
  /** Reads all weights, by the names that the graph `whole` has them by, behind `weight.`. */
  weights(): Promise<ReadonlyMap<string, Tensor>>;
  /** Opens any graph on the same runtime: the small ones of heads and probes. */
  readonly openGraph: OpenGraph;
}
