import type { VisionBackbone, VisionManifest } from "@kilotune/backbone";
import type { Prng } from "@kilotune/dataset";
import { sizeOf } from "@kilotune/engine";
import { badInit, type DenseSettings, visionSite } from "@kilotune/tuner";
import type { ImageJob } from "../job.ts";
import { sizesOfPrompt, standingNumbers, startFrom } from "../standing-prompt.ts";
import type { ImageStart } from "./image-start.ts";

/** What goes before the tuner's own choice: sizes of the prompt that the job goes on from, then what its user asked for. */
export function wishesOf({ tokens, firstLayer, epochs }: ImageJob, start: ImageStart | undefined) {
  return {
    ...(start && sizesOfPrompt(start.prompt)),
    ...(tokens === undefined ? {} : { tokens }),
    ...(firstLayer === undefined ? {} : { firstLayer }),
    ...(epochs === "auto" ? {} : { epochs }),
  };
}

/**
 * What the runs of a method with a prompt go by: the tuner's choice, then what a sweep found.
 * @throws KilotuneError `bad_init` where they can't begin with `start`
 */
export function settled<Settings extends DenseSettings>(
  chosen: Settings,
  { settings }: ImageJob,
  start: ImageStart | undefined,
  manifest: VisionManifest,
): Settings {
  const own = { ...chosen, ...(start && { init: start.what }), ...settings };
  if (start !== undefined) standingOf(start, own, manifest);
  return own;
}

/** The prompt that a run begins with, flat: numbers of its own. @throws KilotuneError `bad_init` where its shape is another */
export async function startNumbers(
  start: ImageStart,
  settings: DenseSettings,
  backbone: VisionBackbone,
  random: Prng,
): Promise<Float32Array> {
  const { manifest } = backbone;
  const standing = standingOf(start, settings, manifest);
  return startFrom(standing, backbone, settings, visionSite(settings, manifest), random);
}

function standingOf({ prompt }: ImageStart, settings: DenseSettings, manifest: VisionManifest): Float32Array {
  const values = standingNumbers(prompt, settings, manifest.config.layers);
  if (settings.method !== "channels") return values;
  // The file alone says how many there are.
  const wanted = sizeOf(visionSite(settings, manifest)?.dims ?? []);
  if (values.length !== wanted)
    throw badInit(`${wanted} numbers`, `${values.length}`, "Name a prompt of this very backbone.");
  return values;
}
