import type { Backbone } from "@kilotune/backbone";
import type { Value } from "@kilotune/engine";
import type { HiddenStore } from "../data/hidden-store.ts";
import { linearOutputs, type OutputLoss, type OutputRows } from "../head/linear-outputs.ts";
import type { LinearHead } from "../head/linear-probe.ts";
import { promptSite } from "../prompt-site.ts";
import type { TuneSettings } from "../settings.ts";
import type { LearningTask } from "../task.ts";

/** Labels or numbers of a text: see `linearOutputs`. */
export function textOutputs(
  backbone: Backbone,
  settings: TuneSettings,
  data: OutputRows & { readonly store: HiddenStore },
  start: LinearHead,
  loss: OutputLoss,
): LearningTask<"weight" | "bias"> {
  const site = promptSite(settings, backbone.manifest);
  const { hiddenSize } = backbone.manifest.config;
  return linearOutputs(data, start, loss, {
    site,
    hiddenSize,
    temperature: settings.temperature,
    open: (add, { dropout }) =>
      backbone.openTuned(
        site.site,
        { wanted: { embedding: true }, add: (b, { embedding }) => add(b, embedding as Value) },
        { dropout },
      ),
  });
}
