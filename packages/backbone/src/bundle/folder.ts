import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import type { SafetensorsHeader } from "@kilotune/engine";
import { type WeightPlaces, placesIn } from "../weight-places.ts";
import { readHeaderOfFile } from "./checkpoint-files.ts";
import { WEIGHTS_FILE } from "./files.ts";

/** A bundle's folder as such: written whole or not at all, and read back. Which files are in it, is its kind's affair. */

export { WEIGHTS_FILE };

const MANIFEST_FILE = "manifest.json";

/** Fills a folder under a temporary name and renames it, so a folder that stands is a whole bundle. */
export async function writeBundle(
  bundle: string,
  fill: (folder: string) => Promise<{ weightsBytes: number }>,
): Promise<void> {
  const temporary = `${bundle}.${process.pid}.tmp`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  try {
    const manifest = await fill(temporary);
    await writeFile(path.join(temporary, MANIFEST_FILE), JSON.stringify(manifest, null, 2));
    await rm(bundle, { recursive: true, force: true });
    await rename(temporary, bundle);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/**
 * The manifest of a bundle; undefined where there's no bundle, or one of another format.
 * @param parse gives undefined for another format
 * @throws KilotuneError `bad_bundle` where the weights aren't all there
 */
export async function readBundle<T extends { readonly weightsBytes: number }>(
  folder: string,
  parse: (json: unknown) => T | undefined,
): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(path.join(folder, MANIFEST_FILE), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const manifest = parse(JSON.parse(text));
  if (manifest === undefined) return undefined;
  const { size } = await stat(path.join(folder, WEIGHTS_FILE));
  if (size === manifest.weightsBytes) return manifest;
  throw new KilotuneError(
    "bad_bundle",
    `expected ${manifest.weightsBytes} bytes of ${path.join(folder, WEIGHTS_FILE)}, saw ${size}`,
    `Delete ${folder}; it is built again from what it was built from.`,
  );
}

/** Where each weight of a bundle lies. */
export async function weightsOf(folder: string): Promise<WeightPlaces> {
  return placesIn(await readHeaderOfFile(path.join(folder, WEIGHTS_FILE)), WEIGHTS_FILE);
}

/** The same from a header that is at hand. */
export function weightsIn(header: SafetensorsHeader): WeightPlaces {
  return placesIn(header, WEIGHTS_FILE);
}
