import { stat } from "node:fs/promises";
import path from "node:path";
import type { Backbone, VisionBackbone } from "@kilotune/backbone";
import type { Backbone as ServiceBackbone, Service } from "@kilotune/service";

/** A backbone to serve and to tune. */
export interface LocalBackbone {
  readonly backbone: Backbone | VisionBackbone;
  /** Folder of its bundle: the process that tunes opens it for itself. */
  readonly bundle: string;
}

export function readsImages(backbone: Backbone | VisionBackbone): backbone is VisionBackbone {
  return "preprocessing" in backbone.manifest;
}

/** As the service knows them: by id. A backbone is as old as its bundle. */
export async function serviceBackbones(all: readonly LocalBackbone[]): Promise<Service["backbones"]> {
  const rows = all.map(async ({ backbone, bundle }): Promise<[string, ServiceBackbone]> => {
    const { manifest } = backbone;
    const { mtimeMs } = await stat(path.join(bundle, "manifest.json"));
    const { layers } = manifest.config;
    const { id } = manifest;
    const about = { id, createdAt: Math.floor(mtimeMs / 1000), layers };
    if (readsImages(backbone)) return [id, { ...about, input: "image", tasks: TASKS_OF_IMAGES }];
    return [id, { ...about, tasks: TASKS_OF_TEXTS }];
  });
  return new Map(await Promise.all(rows));
}

/** What the worker tunes a backbone of texts for. */
const TASKS_OF_TEXTS = ["classification", "multi_label", "regression", "retrieval"] as const;
/** What the worker tunes a backbone of images for. */
const TASKS_OF_IMAGES = ["classification", "multi_label", "segmentation", "detection"] as const;
