import type { ImageFeature, VisionBackbone } from "@kilotune/backbone";
import { float32 } from "@kilotune/engine";
import { normalizeRows } from "../head/class-means.ts";
import { type ClassRows, classTargets } from "../head/class-targets.ts";
import type { LinearSession } from "../head/linear-session.ts";
import { argmaxRows } from "../measure/argmax.ts";
import { countRight } from "../measure/count-right.ts";
import { promptFeed } from "../prompt-site.ts";
import { type LearningTask, type RowStore, standardErrorOfShare, type Validation } from "../task.ts";
import { embedImages } from "./embed-images.ts";
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
  const { hiddenSize } = backbone.manifest.config;
  const site = visionSite(settings, backbone.manifest);
  return {
    standardError: (score) => standardErrorOfShare(score, labels.length),
    async open() {
      const wanted = featureWanted(settings.feature);
      const upper = await backbone.open({ kind: "upper", site: openedSite(settings, site), wanted });
      return {
        async measure({ prompt, head }) {
          const vectors = await embedImages(upper, store, settings.feature, promptFeed(site, prompt));
          const weight = normalizeRows((head.prototypes as Float32Array).slice(), hiddenSize);
          const classes = weight.length / hiddenSize;
          const logits = await linear.logits(vectors, weight, new Float32Array(classes));
          return countRight(labels, argmaxRows(logits, classes)) / Math.max(1, labels.length);
        },
        release: () => upper.release(),
      };
    },
  };
}

/** What an upper graph must give for a feature. */
export function featureWanted(feature: ImageFeature) {
  return feature === "cls" ? { cls: true } : { patches: true };
}
