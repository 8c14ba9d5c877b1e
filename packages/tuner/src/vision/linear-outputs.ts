import { featureValue, type VisionBackbone } from "@kilotune/backbone";
import { normalize } from "@kilotune/engine";
import { linearOutputs, type OutputLoss, type OutputRows } from "../head/linear-outputs.ts";
import type { LinearHead } from "../head/linear-probe.ts";
import type { LearningTask, RowStore } from "../task.ts";
import { featureWanted } from "./held-out-vectors.ts";
import type { VisionSettings } from "./settings.ts";
import { openedSite, visionSite } from "./vision-site.ts";

/** Labels of an image: see `linearOutputs`. */
export function imageOutputs(
  backbone: VisionBackbone,
  settings: VisionSettings,
  data: OutputRows & { readonly store: RowStore },
  start: LinearHead,
  loss: OutputLoss,
): LearningTask<"weight" | "bias"> {
  const { feature, temperature } = settings;
  const site = visionSite(settings, backbone.manifest);
  return linearOutputs(data, start, loss, {
    site,
    hiddenSize: backbone.manifest.config.hiddenSize,
    temperature,
    open: (add, { dropout }) =>
      backbone.openTuned(
        openedSite(settings, site),
        {
          wanted: featureWanted(feature),
          add: (b, features) => add(b, normalize(b, featureValue(b, features, feature))),
        },
        { dropout },
      ),
  });
}
