import {
  type DetectionSpec,
  detectionTensors,
  type SegmentationSpec,
  segmentationTensors,
} from "@kilotune/heads";
import type { Use } from "./manifest/uses.ts";

/** What a manifest says of a head on patches, as @kilotune/heads wants it: backbone and labels give what the file doesn't repeat. */

type Segmentation = Pick<Use<"imageSegmentation">, "backbone" | "labels" | "head">;
type Detection = Pick<Use<"imageDetection">, "backbone" | "labels" | "head">;

export function segmentationSpec(manifest: Segmentation): SegmentationSpec {
  const { innerWidth, cellsPerPatch, cellWidth, byCell } = manifest.head;
  return { ...gridOf(manifest), innerWidth, cellsPerPatch, cellWidth, ...(byCell && { byCell }) };
}

export function detectionSpec(manifest: Detection): DetectionSpec {
  const { innerWidth, cellsPerPatch, usualReach } = manifest.head;
  const cellSize = manifest.backbone.patchSize / cellsPerPatch;
  return { ...gridOf(manifest), innerWidth, cellsPerPatch, cellSize, usualReach };
}

/** Names and shapes of what the head learns: they are the file's, too. */
export function patchHeadTensors(
  manifest: Use<"imageSegmentation"> | Use<"imageDetection">,
): readonly { readonly name: string; readonly dims: readonly number[] }[] {
  return manifest.task === "segmentation"
    ? segmentationTensors(segmentationSpec(manifest))
    : detectionTensors(detectionSpec(manifest));
}

function gridOf({ backbone, labels, head }: Segmentation | Detection) {
  const { image, patchSize, hiddenSize } = backbone;
  return {
    width: image.width / patchSize,
    height: image.height / patchSize,
    hiddenSize,
    layers: head.taps.length + 1,
    classes: labels.length,
  };
}
