import { cacheFolder, hubUrl, type LoadOptions, PRECISIONS, type Precision } from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";
import type { Flag, Given, Tell } from "./command.ts";

/** What jobs tune in and what functions answer in should be one. */
export const precision: Flag = {
  value: "fp32|int8",
  about: "Of backbones (default fp32); int8: a quarter of the bytes, and faster on processors",
};

/**
 * Backbones as the other commands have them: in the cache folder, fetched where they aren't yet.
 *
 * @param given with the flag `precision`
 * @throws KilotuneError `bad_usage`
 */
export function loadOptions(given: Given, tell: Tell): LoadOptions {
  let told = Number.NEGATIVE_INFINITY;
  return {
    cache: cacheFolder(process.env),
    hub: hubUrl(process.env),
    precision: precisionOf(given.text("precision")),
    onProgress({ file, receivedBytes, totalBytes }) {
      if (performance.now() - told < 2000) return;
      told = performance.now();
      tell(`fetching ${file}: ${Math.round((100 * receivedBytes) / totalBytes)} %`);
    },
    onBuild: (bundle) => tell(`building the bundle ${bundle}`),
  };
}

function precisionOf(word = "fp32"): Precision {
  const known = PRECISIONS.find((each) => each === word);
  if (known !== undefined) return known;
  throw new KilotuneError(
    "bad_usage",
    `--precision: expected ${PRECISIONS.join(" or ")}, saw ${JSON.stringify(word.slice(0, 40))}`,
    "Leave it out for fp32.",
    { kind: "usage" },
  );
}
