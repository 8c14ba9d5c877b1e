import type { Backbone } from "@kilotune/backbone";
import type { Value } from "@kilotune/engine";
import type { HiddenStore } from "../data/hidden-store.ts";
import { embed } from "../embed.ts";
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
import { promptFeed, promptSite } from "../prompt-site.ts";
import type { TuneSettings } from "../settings.ts";
import type { LearningTask, Validation } from "../task.ts";

/**
 * Labels or numbers of a text by a linear head on its vector.
 *
 * @param start a probe of the frozen vectors: its outputs are the head's first ones
 */
export function textOutputs(
  backbone: Backbone,
  settings: TuneSettings,
  data: OutputRows & { readonly store: HiddenStore },
  start: LinearHead,
  loss: OutputLoss,
): LearningTask<"weight" | "bias"> {
  const site = promptSite(settings, backbone.manifest);
  const { hiddenSize } = backbone.manifest.config;
  const { temperature } = settings;
  return {
    site,
    head: startOutputs(start, hiddenSize, temperature),
    rows: data.store,
    open: ({ dropout }) =>
      backbone.openTuned(
        site.site,
        {
          wanted: { embedding: true },
          add: (b, { embedding }) => addLinearOutputs(b, embedding as Value, hiddenSize, loss),
        },
        { dropout },
      ),
    targets: (rows, within) => outputTargets(data, rows, within, temperature),
  };
}

/** Held-out texts by their outputs. */
export function outputValidation(
  backbone: Backbone,
  settings: TuneSettings,
  linear: LinearSession,
  store: HiddenStore,
  /** @param outputs [rows, outputs] flat */
  figure: Pick<Validation, "standardError"> & { of(outputs: Float32Array): number },
): Validation {
  const site = promptSite(settings, backbone.manifest);
  const { hiddenSize } = backbone.manifest.config;
  return {
    standardError: figure.standardError,
    async open() {
      const upper = await backbone.open({ kind: "upper", site: site.site });
      return {
        async measure({ prompt, head }) {
          const vectors = await embed(upper, store, hiddenSize, promptFeed(site, prompt));
          const { weight, bias } = learntHead(head as Outputs, settings.temperature);
          return figure.of(await linear.logits(vectors, weight, bias));
        },
        release: () => upper.release(),
      };
    },
  };
}

type Outputs = Readonly<Record<"weight" | "bias", Float32Array>>;
