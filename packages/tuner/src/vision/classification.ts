import type { VisionBackbone } from "@kilotune/backbone";
import { float32 } from "@kilotune/engine";
import { type ClassRows, classTargets } from "../head/class-targets.ts";
import { classAccuracy } from "../head/held-out-vectors.ts";
import type { LinearSession } from "../head/linear-session.ts";
import type { LearningTask, RowStore, Validation } from "../task.ts";
import { heldOutImages } from "./held-out-vectors.ts";
import type { VisionSettings } from "./settings.ts";
import { openedSite, visionSite } from "./vision-site.ts";

export interface ClassifiedImages extends ClassRows {
  readonly store: RowStore;
}

/**
 * One class an image, by cosine to a prototype of each.
 *
 * @param prototypes where the head starts: class means of the frozen vectors. [classes, H] flat
 */
export function imageClassification(
  backbone: VisionBackbone,
  settings: VisionSettings,
  data: ClassifiedImages,
  prototypes: Float32Array,
): LearningTask<"prototypes"> {
  const { hiddenSize } = backbone.manifest.config;
  const scale = float32([1 / settings.temperature], []);
  const site = visionSite(settings, backbone.manifest);
  return {
    site,
    head: { prototypes: float32(prototypes, [data.classes, hiddenSize]) },
    rows: data.store,
    open: ({ dropout }) => {
      const { feature } = settings;
      return backbone.open({ kind: "tune", site: openedSite(settings, site), feature, dropout });
    },
    targets: (rows, within) => ({ ...classTargets(data, rows, within), scale }),
  };
}

/** Share of held-out images that are answered rightly. */
export function imageAccuracy(
  backbone: VisionBackbone,
  settings: VisionSettings,
  linear: LinearSession,
  { store, labels }: Pick<ClassifiedImages, "store" | "labels">,
): Validation {
  return classAccuracy(
    heldOutImages(backbone, settings, store),
    linear,
    labels,
    backbone.manifest.config.hiddenSize,
  );
}
