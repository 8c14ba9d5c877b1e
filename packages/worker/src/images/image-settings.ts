import type { VisionManifest } from "@kilotune/backbone";
import { sizeOf } from "@kilotune/engine";
import { badInit, type DenseSettings, visionSite } from "@kilotune/tuner";
import type { ImageJob } from "../job.ts";
import { sizesOfPrompt, standingNumbers } from "../standing-prompt.ts";
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
  if (start !== undefined) startNumbers(start, own, manifest);
  return own;
}

/** The prompt that a run begins with, flat: numbers of its own. @throws KilotuneError `bad_init` where its shape is another */
export function startNumbers(
  { prompt }: ImageStart,
  settings: DenseSettings,
  manifest: VisionManifest,
): Float32Array {
  const values = standingNumbers(prompt, settings, manifest.config.layers);
  const wanted = sizeOf(visionSite(settings, manifest)?.dims ?? []);
  // Of channels the file alone says how many there are.
  if (values.length !== wanted)
    throw badInit(`${wanted} numbers`, `${values.length}`, "Name a prompt of this very backbone.");
  return values.slice();
}
