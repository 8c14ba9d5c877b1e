import type { Backbone } from "@kilotune/backbone";
import type { HiddenStore } from "../data/hidden-store.ts";
import { embed } from "../embed.ts";
import type { HeldOutVectors } from "../head/held-out-vectors.ts";
import { promptFeed, promptSite } from "../prompt-site.ts";
import type { TuneSettings } from "../settings.ts";

export function heldOutTexts(backbone: Backbone, settings: TuneSettings, store: HiddenStore): HeldOutVectors {
  const site = promptSite(settings, backbone.manifest);
  const { hiddenSize } = backbone.manifest.config;
  return {
    async open() {
      const upper = await backbone.open({ kind: "upper", site: site.site });
      return {
        of: ({ prompt }) => embed(upper, store, hiddenSize, promptFeed(site, prompt)),
        release: () => upper.release(),
      };
    },
  };
}
