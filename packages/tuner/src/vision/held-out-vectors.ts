import type { ImageFeature, VisionBackbone } from "@kilotune/backbone";
import type { HeldOutVectors } from "../head/held-out-vectors.ts";
import { promptFeed } from "../prompt-site.ts";
import type { RowStore } from "../task.ts";
import { embedImages } from "./embed-images.ts";
import type { VisionSettings } from "./settings.ts";
import { openedSite, visionSite } from "./vision-site.ts";

export function heldOutImages(
  backbone: VisionBackbone,
  settings: VisionSettings,
  store: RowStore,
): HeldOutVectors {
  const { feature } = settings;
  const site = visionSite(settings, backbone.manifest);
  return {
    async open() {
      const wanted = featureWanted(feature);
      const upper = await backbone.open({ kind: "upper", site: openedSite(settings, site), wanted });
      return {
        of: ({ prompt }) => embedImages(upper, store, feature, promptFeed(site, prompt)),
        release: () => upper.release(),
      };
    },
  };
}

/** What an upper graph must give for a feature. */
export function featureWanted(feature: ImageFeature) {
  return feature === "cls" ? { cls: true } : { patches: true };
}
