import type { BackboneObject } from "@kilotune/contract/wire";
import type { AcceptPrompt, Inference, Service } from "@kilotune/service";
import type { Limits } from "./limits.ts";
import type { Underway } from "./middleware/underway.ts";
import type { LogLine } from "./operations/log-line.ts";
import type { Metrics } from "./operations/metrics.ts";

/** What the handlers stand on. */
export interface Deps {
  readonly service: Service;
  readonly inference: Inference;
  readonly acceptPrompt: AcceptPrompt;
  readonly backbones: readonly BackboneObject[];
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly underway: Underway;
  readonly log: (line: LogLine) => void;
  /** Whether this process takes calls: not while it starts or shuts down. */
  readonly ready: () => boolean;
}
