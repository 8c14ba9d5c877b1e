import { copyFile, cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { LoadOptions } from "@kilotune/backbone";
import { backboneContent, bundleNamed } from "../layers/backbone.ts";
import { ROOT } from "./images.ts";

export interface JobContext {
  readonly folder: string;
  /** Ours that the container runs. */
  readonly packages: readonly string[];
  readonly backbones: readonly string[];
}

/**
 * Lays out what job.Dockerfile copies: `manifests/` (what `npm ci` reads, and the build's steps), `sources/` (the packages
 * that the entry point stands on, unbuilt as everywhere), `backbones/<id>/`. There whole or not at all.
 *
 * @param to replaced where it is there
 * @throws KilotuneError `unknown_backbone`, `missing_bundle`
 */
export async function layOutJob(
  to: string,
  backbones: readonly string[],
  load: LoadOptions,
): Promise<JobContext> {
  const temporary = `${to}.${process.pid}.tmp`;
  await rm(temporary, { recursive: true, force: true });
  try {
    const packages = await layOutApp(path.join(temporary, "manifests"), path.join(temporary, "sources"));
    const ids: string[] = [];
    for (const word of backbones) {
      const { id, content } = await backboneContent(await bundleNamed(word, load));
      ids.push(id);
      for (const { path: inside, source } of content.files) {
        const file = path.join(temporary, "backbones", id, path.basename(inside));
        await mkdir(path.dirname(file), { recursive: true });
        if (typeof source === "string") await copyFile(source, file);
        else await writeFile(file, source);
      }
    }
    await copyFile(path.join(import.meta.dirname, "job.Dockerfile"), path.join(temporary, "Dockerfile"));
    await rm(to, { recursive: true, force: true });
    await rename(temporary, to);
    return { folder: to, packages, backbones: ids };
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** @returns names of the packages whose sources are there */
export async function layOutApp(manifests: string, sources: string): Promise<string[]> {
  const all = await readdir(path.join(ROOT, "packages"));
  // npm compares all of them with the lock file, also those that aren't installed.
  for (const name of [
    "package.json",
    "package-lock.json",
    ...all.map((each) => `packages/${each}/package.json`),
  ])
    await copied(name, manifests);
  for (const name of ["infra/container/steps.ts", "infra/layers/elf.ts"]) await copied(name, manifests);
  const needed = await closureOf("aws");
  for (const name of needed)
    await cp(path.join(ROOT, "packages", name, "src"), path.join(sources, "packages", name, "src"), {
      recursive: true,
      filter: (from) => !FOR_TESTS.test(from),
    });
  return needed;
}

const FOR_TESTS = /\.test\.ts$|\.fixtures\.ts$|\/(goldens|__snapshots__)$/;

/** A package of ours and those that it stands on, sorted. */
async function closureOf(first: string): Promise<string[]> {
  const found = new Set<string>();
  const waiting = [first];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    const text = await readFile(path.join(ROOT, "packages", name, "package.json"), "utf8");
    const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
    for (const each of Object.keys(dependencies))
      if (each.startsWith("@kilotune/")) waiting.push(each.slice("@kilotune/".length));
  }
  return [...found].sort();
}

async function copied(name: string, folder: string): Promise<void> {
  const to = path.join(folder, name);
  await mkdir(path.dirname(to), { recursive: true });
  await copyFile(path.join(ROOT, name), to);
}
