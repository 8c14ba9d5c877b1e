import { cacheFolder, hubUrl, type LoadOptions } from "@kilotune/backbone";
import type { Tell } from "./command.ts";

/** Backbones as the other commands have them: in the cache folder, fetched where they aren't yet. */
export function loadOptions(tell: Tell): LoadOptions {
  let told = Number.NEGATIVE_INFINITY;
  return {
    cache: cacheFolder(process.env),
    hub: hubUrl(process.env),
    onProgress({ file, receivedBytes, totalBytes }) {
      if (performance.now() - told < 2000) return;
      told = performance.now();
      tell(`fetching ${file}: ${Math.round((100 * receivedBytes) / totalBytes)} %`);
    },
    onBuild: (bundle) => tell(`building the bundle ${bundle}`),
  };
}
