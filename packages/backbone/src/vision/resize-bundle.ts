import path from "node:path";
import { WEIGHTS_FILE } from "../bundle/folder.ts";
import { copyWeights, type PlannedWeight } from "../bundle/write-weights.ts";
import { writeVisionBundle } from "./build.ts";
import { gridOf, type ImageSize, parseImageSize, type VisionConfig } from "./config.ts";
import type { VisionManifest } from "./manifest.ts";
import { stretchPositions } from "./positions.ts";

/**
 * A standing bundle -> one for images of another size, the positions of its patches interpolated; for a graph that was
 * exported at one size, whose bundle was compared with the original at that.
 *
 * @throws KilotuneError `bad_config` where a side isn't a multiple of the patch size
 */
export async function resizeVisionBundle(
  from: string,
  manifest: VisionManifest,
  bundle: string,
  imageSize: ImageSize,
): Promise<void> {
  const { id, licence, identity, family, preprocessing } = manifest;
  const { patchSize, height, width } = manifest.config;
  const own = { image_size: [height, width] };
  const config: VisionConfig = { ...manifest.config, ...sizeOf(parseImageSize(own, patchSize, imageSize)) };
  const [trained, grid] = [gridOf(manifest.config), gridOf(config)];
  const plan = (shapes: ReadonlyMap<string, readonly number[]>) =>
    [...shapes].map(([ours, dims]): PlannedWeight => {
      if (ours !== "embeddings.position") return { ours, dims, from: [ours] };
      return {
        ours,
        dims: [grid[0] * grid[1], config.hiddenSize],
        from: [ours],
        // Of the patches' bias, which is within, every position has its share: the weights of an interpolation add up to one.
        make: ([table]) => stretchPositions(table as Float32Array, trained, grid, { antialias: false }),
      };
    });
  await writeVisionBundle(bundle, {
    family,
    about: { id, licence, weightsSha256: identity.weightsSha256, imageSize },
    config,
    preprocessing: { ...preprocessing, height: config.height, width: config.width },
    writeWeights: (to) => copyWeights(path.join(from, WEIGHTS_FILE), to, plan),
  });
}

function sizeOf({ height, width }: { height: number; width: number }) {
  return { height, width };
}
