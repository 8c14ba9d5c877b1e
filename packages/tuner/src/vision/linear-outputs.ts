import type { ImageFeature, VisionBackbone, VisionFeatures } from "@kilotune/backbone";
import { type GraphBuilder, normalize, type Value } from "@kilotune/engine";
import {
  addLinearOutputs,
  learntHead,
  type OutputLoss,
  type OutputRows,
  outputTargets,
  startOutputs,
} from "../head/linear-outputs.ts";
import type { LinearHead } from "../head/linear-probe.ts";
import type { LinearSession } from "../head/linear-session.ts";
import { promptFeed } from "../prompt-site.ts";
import type { LearningTask, RowStore, Validation } from "../task.ts";
import { featureWanted } from "./classification.ts";
import { embedImages } from "./embed-images.ts";
import type { VisionSettings } from "./settings.ts";
import { openedSite, visionSite } from "./vision-site.ts";

/**
 * Labels of an image by a linear head on its vector: as `textOutputs`.
 *
 * @param start a probe of the frozen vectors: its outputs are the head's first ones
 */
export function imageOutputs(
  backbone: VisionBackbone,
  settings: VisionSettings,
  data: OutputRows & { readonly store: RowStore },
  start: LinearHead,
  loss: OutputLoss,
): LearningTask<"weight" | "bias"> {
  const site = visionSite(settings, backbone.manifest);
  const { hiddenSize } = backbone.manifest.config;
  const { temperature, feature } = settings;
  return {
    site,
    head: startOutputs(start, hiddenSize, temperature),
    rows: data.store,
    open: ({ dropout }) =>
      backbone.openTuned(
        openedSite(settings, site),
        {
          wanted: featureWanted(feature),
          add: (b, features) =>
            addLinearOutputs(b, normalize(b, vectorOf(b, features, feature)), hiddenSize, loss),
        },
        { dropout },
      ),
    targets: (rows, within) => outputTargets(data, rows, within, temperature),
  };
}

function vectorOf(b: GraphBuilder, { cls, patches }: VisionFeatures, feature: ImageFeature): Value {
  if (feature === "cls") return cls as Value;
  return b.op("ReduceMean", [patches as Value, b.ints([1])], { keepdims: 0 });
}

/** Held-out images by their outputs: as `outputValidation`. */
export function imageOutputValidation(
  backbone: VisionBackbone,
  settings: VisionSettings,
  linear: LinearSession,
  store: RowStore,
  /** @param outputs [rows, outputs] flat */
  figure: Pick<Validation, "standardError"> & { of(outputs: Float32Array): number },
): Validation {
  const site = visionSite(settings, backbone.manifest);
  return {
    standardError: figure.standardError,
    async open() {
      const upper = await backbone.open({
        kind: "upper",
        site: openedSite(settings, site),
        wanted: featureWanted(settings.feature),
      });
      return {
        async measure({ prompt, head }) {
          const vectors = await embedImages(upper, store, settings.feature, promptFeed(site, prompt));
          const { weight, bias } = learntHead(
            head as Readonly<Record<"weight" | "bias", Float32Array>>,
            settings.temperature,
          );
          return figure.of(await linear.logits(vectors, weight, bias));
        },
        release: () => upper.release(),
      };
    },
  };
}
