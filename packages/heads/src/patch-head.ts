import type { GraphBuilder, Value } from "@kilotune/engine";
import {
  type DetectionSpec,
  detectionLoss,
  detectionOutput,
  detectionTensors,
} from "./detection/detection-head.ts";
import type { HeadTensor } from "./head-tensors.ts";
import {
  type SegmentationSpec,
  segmentationLogits,
  segmentationLoss,
  segmentationTensors,
} from "./segmentation/segmentation-head.ts";

/** A head as `openTuned` and `openAnswering` of @kilotune/backbone take one. */
export interface PatchHead {
  readonly wanted: { readonly patches: true; readonly taps: readonly number[] };
  /** Adds its loss and its answer to the backbone's graph. @returns the inputs that are learnt */
  add(b: GraphBuilder, features: PatchFeatures): readonly string[];
  /** Adds its answer alone. */
  answer(b: GraphBuilder, features: PatchFeatures): void;
}

/** Patches [B, N, H] behind the last layer, and behind so many layers. */
export interface PatchFeatures {
  readonly patches?: Value;
  readonly taps: ReadonlyMap<number, Value>;
}

/** Outputs `loss` and `output`. @param taps besides the last layer, in this order before it; `spec.layers` counts them all */
export function detectionHead(spec: DetectionSpec, taps: readonly number[] = []): PatchHead {
  return patchHead(taps, {
    name: "output",
    answer: (b, tokens) => detectionOutput(b, tokens, spec),
    loss: (b, output) => detectionLoss(b, output, spec),
    learnt: detectionTensors(spec),
  });
}

/** Outputs `loss` and `logits`. @param taps as of `detectionHead` */
export function segmentationHead(spec: SegmentationSpec, taps: readonly number[] = []): PatchHead {
  return patchHead(taps, {
    name: "logits",
    answer: (b, tokens) => segmentationLogits(b, tokens, spec),
    loss: (b, logits) => segmentationLoss(b, logits, spec),
    learnt: segmentationTensors(spec),
  });
}

interface Parts {
  readonly name: string;
  answer(b: GraphBuilder, tokens: readonly Value[]): Value;
  loss(b: GraphBuilder, answer: Value): Value;
  readonly learnt: readonly HeadTensor[];
}

function patchHead(taps: readonly number[], { name, answer, loss, learnt }: Parts): PatchHead {
  const tokensOf = (features: PatchFeatures) => [
    ...taps.map((tap) => features.taps.get(tap)!),
    features.patches!,
  ];
  return {
    wanted: { patches: true, taps },
    add(b, features) {
      const value = answer(b, tokensOf(features));
      b.output(loss(b, value), "loss");
      b.output(value, name);
      return learnt.map((tensor) => tensor.name);
    },
    answer(b, features) {
      b.output(answer(b, tokensOf(features)), name);
    },
  };
}
