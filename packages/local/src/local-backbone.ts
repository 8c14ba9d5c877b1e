import { stat } from "node:fs/promises";
import path from "node:path";
import type { Backbone } from "@kilotune/backbone";
import type { Service } from "@kilotune/service";

/** A backbone to serve and to tune. */
export interface LocalBackbone {
  readonly backbone: Backbone;
  /** Folder of its bundle: the process that tunes opens it for itself. */
  readonly bundle: string;
}

/** As the service knows them: by id. A backbone is as old as its bundle. */
export async function serviceBackbones(all: readonly LocalBackbone[]): Promise<Service["backbones"]> {
  const rows = all.map(async ({ backbone: { manifest }, bundle }) => {
    const { mtimeMs } = await stat(path.join(bundle, "manifest.json"));
    const { layers } = manifest.config;
    return [manifest.id, { id: manifest.id, createdAt: Math.floor(mtimeMs / 1000), layers }] as const;
  });
  return new Map(await Promise.all(rows));
}
