import { existsSync } from "node:fs";
import path from "node:path";
import { cacheFolder } from "@kilotune/backbone";
import { Unavailable } from "./bench.ts";

export const REPOSITORY = path.resolve(import.meta.dirname, "../..");

export const CACHE = cacheFolder(process.env);

/** A file of the folder `shared` beside the repository: public data and peers, which aren't ours to ship. */
export function sharedFile(name: string): string {
  const file = path.resolve(REPOSITORY, "../shared", name);
  if (existsSync(file)) return file;
  throw new Unavailable(`../shared/${name} isn't there; this bench needs it`);
}

export function exampleFile(name: string): string {
  return path.join(REPOSITORY, "examples/support-desk", name);
}
