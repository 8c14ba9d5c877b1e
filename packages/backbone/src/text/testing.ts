import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { readSafetensors, type Tensor } from "@kilotune/engine";
import type { Backbone } from "../backbone.ts";
import { readHeaderOfFile } from "../bundle/checkpoint-files.ts";
import { WEIGHTS_FILE } from "../bundle/folder.ts";
import { bundleOf, loadBackbone } from "../load.ts";
import { placesIn } from "../weight-places.ts";

/** A family's tiny checkpoint (goldens), built into the cache, with what is in its bundle. */
export async function openGolden(
  family: string,
  cache: string,
): Promise<{
  readonly backbone: Backbone;
  readonly weights: Map<string, Tensor>;
  readonly places: ReturnType<typeof placesIn>;
}> {
  const hub = "http://127.0.0.1:9"; // nobody listens there, and nothing has to be fetched
  const folder = fileURLToPath(new URL(`goldens/${family}`, import.meta.url));
  const backbone = await loadBackbone(folder, { cache, hub, threads: 1 });
  const file = path.join(await bundleOf(folder, { cache, hub }), WEIGHTS_FILE);
  const weights = new Map(readSafetensors(new Uint8Array(await readFile(file))).tensors);
  return { backbone, weights, places: placesIn(await readHeaderOfFile(file), WEIGHTS_FILE) };
}
