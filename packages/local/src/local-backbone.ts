import { stat } from "node:fs/promises";
import path from "node:path";
import { type Backbone, methodsOfBackbone, promptableLayers, type VisionBackbone } from "@kilotune/backbone";
import { type Backbone as ServiceBackbone, type Service, TUNED_TASKS } from "@kilotune/service";

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
    const layers = promptableLayers(manifest);
    const { id } = manifest;
    const input = readsImages(backbone) ? "image" : "text";
    const can = { tasks: TUNED_TASKS[input], methods: methodsOfBackbone(manifest) };
    return [id, { id, createdAt: Math.floor(mtimeMs / 1000), layers, input, ...can }];
  });
  return new Map(await Promise.all(rows));
}
