import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";

/**
 * Folders of the backbones that an image holds, by id: the folder itself where it is a bundle, else those in it that are.
 * Whether a bundle is whole and of this version is seen where it is opened.
 *
 * @throws KilotuneError `backbone_missing`
 */
export async function bundlesIn(folder: string): Promise<ReadonlyMap<string, string>> {
  const own = await idOf(folder);
  if (own !== undefined) return new Map([[own, folder]]);
  const bundles = new Map<string, string>();
  for (const name of await readdir(folder).catch(() => [])) {
    const inner = path.join(folder, name);
    const id = await idOf(inner);
    if (id !== undefined) bundles.set(id, inner);
  }
  if (bundles.size > 0) return bundles;
  throw new KilotuneError(
    "backbone_missing",
    `expected a backbone's bundle in ${folder} or in folders of it, saw none`,
    "Build the image with a backbone (npm run image -- context --backbone ID), or set KILOTUNE_BACKBONE_DIR.",
    { kind: "machine" },
  );
}

async function idOf(folder: string): Promise<string | undefined> {
  try {
    const { id } = JSON.parse(await readFile(path.join(folder, "manifest.json"), "utf8"));
    return typeof id === "string" ? id : undefined;
  } catch {
    return undefined;
  }
}
