import { stat } from "node:fs/promises";
import path from "node:path";
import { type Backbone, KNOWN_BACKBONES } from "@kilotune/backbone";
import type { BackboneObject } from "@kilotune/contract/wire";
import type { Service } from "@kilotune/service";

/** A backbone to serve and to tune. */
export interface LocalBackbone {
  readonly backbone: Backbone;
  /** Folder of its bundle: the process that tunes opens it for itself. */
  readonly bundle: string;
}

/** As the API describes it. */
export function backboneObject({ backbone: { manifest } }: LocalBackbone): BackboneObject {
  const known = KNOWN_BACKBONES.find(({ id }) => id === manifest.id);
  return {
    id: manifest.id,
    object: "backbone",
    title: known?.title ?? manifest.id,
    licence: manifest.licence,
    tasks: ["classify", "embeddings"],
    hidden_size: manifest.config.hiddenSize,
    max_tokens: manifest.maxTokens,
  };
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
