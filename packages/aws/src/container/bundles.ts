import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";

/** A backbone's folder, and what a job must know of it before it is opened. */
export interface HeldBundle {
  readonly folder: string;
  readonly input: "text" | "image";
  readonly layers: number;
}

/**
 * The backbones that an image holds, by id: the folder itself where it is a bundle, else those in it that are. Whether a
 * bundle is whole and of this version is seen where it is opened.
 *
 * @throws KilotuneError `backbone_missing`
 */
export async function bundlesIn(folder: string): Promise<ReadonlyMap<string, HeldBundle>> {
  const own = await bundleAt(folder);
  if (own !== undefined) return new Map([own]);
  const bundles = new Map<string, HeldBundle>();
  for (const name of await readdir(folder).catch(() => [])) {
    const found = await bundleAt(path.join(folder, name));
    if (found !== undefined) bundles.set(...found);
  }
  if (bundles.size > 0) return bundles;
  throw new KilotuneError(
    "backbone_missing",
    `expected a backbone's bundle in ${folder} or in folders of it, saw none`,
    "Build the image with a backbone (npm run image -- context --backbone ID), or set KILOTUNE_BACKBONE_DIR.",
    { kind: "machine" },
  );
}

async function bundleAt(folder: string): Promise<[id: string, HeldBundle] | undefined> {
  try {
    const manifest = JSON.parse(await readFile(path.join(folder, "manifest.json"), "utf8"));
    const { id, kind, config } = manifest;
    if (typeof id !== "string") return undefined;
    return [id, { folder, input: kind === "vision" ? "image" : "text", layers: Number(config?.layers) }];
  } catch {
    return undefined;
  }
}
