import type { Backbone } from "@kilotune/backbone";
import { float32 } from "@kilotune/engine";
import type { HiddenStore } from "../data/hidden-store.ts";
import { type ClassRows, classTargets } from "../head/class-targets.ts";
import { classAccuracy } from "../head/held-out-vectors.ts";
import type { LinearSession } from "../head/linear-session.ts";
import { promptSite } from "../prompt-site.ts";
import type { TuneSettings } from "../settings.ts";
import type { LearningTask, Validation } from "../task.ts";
import { heldOutTexts } from "./held-out-vectors.ts";

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
  return classAccuracy(
    heldOutTexts(backbone, settings, store),
    linear,
    labels,
    backbone.manifest.config.hiddenSize,
  );
}
