import { type Backbone, bundleOf, cacheFolder, hubUrl, type Precision } from "@kilotune/backbone";
import type { Service } from "@kilotune/service";
import { readEnvironment } from "../../packages/aws/src/environment.ts";
import { openService } from "../../packages/aws/src/service.ts";
import { build } from "../../test/aws/built.ts";
import { type Cloud, openCloud } from "../../test/aws/cloud.ts";
import { CREDENTIALS } from "../../test/aws/container-process.ts";
import { plant } from "../../test/aws/plant.ts";
import type { PlantedTenant } from "../../test/plant-tenant.ts";
import { openMiniLm } from "./backbone.ts";
import { Unavailable } from "./bench.ts";

/** What a bench of the built functions stands on: the emulator, minilm-l6 in a layer, one tenant with a model. */
export interface MiniLmCloud {
  readonly backbone: Backbone;
  readonly cloud: Cloud;
  readonly service: Service;
  readonly planted: PlantedTenant;
}

/** @throws Unavailable where ministack isn't installed */
export async function withMiniLmCloud<Result>(
  precision: Precision,
  work: (place: MiniLmCloud) => Promise<Result>,
): Promise<Result> {
  const backbone = await openMiniLm(precision);
  const load = { cache: cacheFolder(process.env), hub: hubUrl(process.env), precision };
  const bundle = await bundleOf("minilm-l6", load);
  await using built = await build(["infer", "api"], bundle);
  const opened = await openCloud({ built, backbone, tune: async () => null });
  if (opened === undefined)
    throw new Unavailable("ministack isn't installed; node test/setup/prepare.ts does");
  await using cloud = opened;
  Object.assign(process.env, CREDENTIALS, cloud.environment);
  const service = openService(readEnvironment(cloud.environment));
  return await work({ backbone, cloud, service, planted: await plant(service, backbone.manifest, 1) });
}
