import type { Backbone } from "@kilotune/backbone";
import { float32 } from "@kilotune/engine";
import type { HiddenStore } from "../data/hidden-store.ts";
import { embed } from "../embed.ts";
import { normalizeRows } from "../head/class-means.ts";
import { type ClassRows, classTargets } from "../head/class-targets.ts";
import type { LinearSession } from "../head/linear-session.ts";
import { argmaxRows } from "../measure/argmax.ts";
import { countRight } from "../measure/count-right.ts";
import { promptFeed, promptSite } from "../prompt-site.ts";
import type { TuneSettings } from "../settings.ts";
import { type LearningTask, standardErrorOfShare, type Validation } from "../task.ts";

export interface ClassifiedTexts extends ClassRows {
  readonly store: HiddenStore;
}

/**
 * One class a text, by cosine to a prototype of each.
 *
 * @param prototypes where the head starts: class means of the frozen vectors. [classes, H] flat
 */
export function textClassification(
  backbone: Backbone,
  settings: TuneSettings,
  data: ClassifiedTexts,
  prototypes: Float32Array,
): LearningTask<"prototypes"> {
  const site = promptSite(settings, backbone.manifest);
  const { hiddenSize } = backbone.manifest.config;
  const scale = float32([1 / settings.temperature], []);
  return {
    site,
    head: { prototypes: float32(prototypes, [data.classes, hiddenSize]) },
    rows: data.store,
    open: ({ dropout }) => backbone.open({ kind: "tune", site: site.site, dropout }),
    targets: (rows, within) => ({ ...classTargets(data, rows, within), scale }),
  };
}

/** Share of held-out texts that are answered rightly. */
export function textAccuracy(
  backbone: Backbone,
  settings: TuneSettings,
  linear: LinearSession,
  { store, labels }: Pick<ClassifiedTexts, "store" | "labels">,
): Validation {
  const site = promptSite(settings, backbone.manifest);
  const { hiddenSize } = backbone.manifest.config;
  return {
    standardError: (score) => standardErrorOfShare(score, labels.length),
    async open() {
      const upper = await backbone.open({ kind: "upper", site: site.site });
      return {
        async measure({ prompt, head }) {
          const vectors = await embed(upper, store, hiddenSize, promptFeed(site, prompt));
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
