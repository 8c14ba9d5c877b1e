import type { Graph } from "../ir/graph.ts";
import type { Tensor } from "../tensor.ts";

/**
 * A graph ready to run. onnxruntime-node, onnxruntime-web and the reference interpreter are behind it. A session holds
 * native memory: make one, share it, release it.
 */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Runs the graph. `outputs` limits the work to what these outputs need to be fetched. */
  run(feeds: Feeds, outputs?: readonly string[]): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

export type Feeds = Readonly<Record<string, Tensor>>;

/** Opens a graph without external data, wherever the caller runs. */
export type OpenGraph = (graph: Graph) => Promise<Session>;
