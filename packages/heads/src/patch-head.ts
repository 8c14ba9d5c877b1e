import type { GraphBuilder, Value } from "@kilotune/engine";
import {
  type DetectionSpec,
  detectionLoss,
  detectionOutput,
  detectionTensors,
} from "./detection/detection-head.ts";
import {
  type SegmentationSpec,
  segmentationLogits,
  segmentationLoss,
  segmentationTensors,
} from "./segmentation/segmentation-head.ts";

/** A head as `openTuned` of @kilotune/backbone takes one: adds its loss and its answer to the backbone's graph. */
export interface PatchHead {
  readonly wanted: { readonly patches: true; readonly taps: readonly number[] };
  /** @returns the inputs that are learnt */
  add(b: GraphBuilder, features: PatchFeatures): readonly string[];
}

/** Patches [B, N, H] behind the last layer, and behind so many layers. */
export interface PatchFeatures {
  readonly patches?: Value;
  readonly taps: ReadonlyMap<number, Value>;
}

/** Outputs `loss` and `output`. @param taps besides the last layer, in this order before it; `spec.layers` counts them all */
export function detectionHead(spec: DetectionSpec, taps: readonly number[] = []): PatchHead {
  return {
    wanted: { patches: true, taps },
    add(b, features) {
      const output = detectionOutput(b, tokensOf(features, taps), spec);
      b.output(detectionLoss(b, output, spec), "loss");
      b.output(output, "output");
      return detectionTensors(spec).map(({ name }) => name);
    },
  };
}

/** Outputs `loss` and `logits`. @param taps as of `detectionHead` */
export function segmentationHead(spec: SegmentationSpec, taps: readonly number[] = []): PatchHead {
  return {
    wanted: { patches: true, taps },
    add(b, features) {
      const logits = segmentationLogits(b, tokensOf(features, taps), spec);
      b.output(segmentationLoss(b, logits, spec), "loss");
      b.output(logits, "logits");
      return segmentationTensors(spec).map(({ name }) => name);
    },
  };
}

function tokensOf({ patches, taps: given }: PatchFeatures, taps: readonly number[]): Value[] {
  return [...taps.map((tap) => given.get(tap)!), patches!];
}
