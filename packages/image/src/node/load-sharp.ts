import { createRequire } from "node:module";
import type sharp from "sharp";

/** sharp, at the first image: who never sees one (a function of texts in the cloud) needn't have it. */
export function loadSharp(): typeof sharp {
  loaded ??= createRequire(import.meta.url)("sharp") as typeof sharp;
  return loaded;
}

let loaded: typeof sharp | undefined;
