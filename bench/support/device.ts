import type { VisionBackbone } from "@kilotune/backbone";
import { prng } from "@kilotune/dataset";
import { decodeImage } from "@kilotune/image";
import { createSharpCodec, encodePng } from "@kilotune/image/node";
import type { DetectionScore } from "@kilotune/tuner";
import { otherDevice, WORSE } from "../../examples/cells/other-device.ts";
import { say } from "./bench.ts";
import { boxesOf, type DenseRun, learnBoxes, type Pictures, type Trained } from "./dense.ts";
import type { ImageSet } from "./image-sets.ts";

export const CELLS: readonly string[] = ["RBC", "WBC", "Platelets"];

/**
 * What a device that sees cells otherwise costs, and how much of it a prompt of its own wins back from a few labelled images,
 * beside a head refitted on them.
 *
 * @param old learnt on the old device's images, and scored on its test images
 * @param run as `old` was learnt
 * @param epochs of the prompt and of the head. At 224 pixels, from the prompt of examples/cells, scored on 30 training images that
 * it knew as the old device sees them: mAP@0.5 49.5 before, 60.0 after 12 epochs, 61.7 after 25, 56.9 after 60, 61.2 after 25 of views that
 * never come again; a head refitted for 25 54.4
 */
export async function newDevice(
  backbone: VisionBackbone,
  set: ImageSet,
  old: Trained<DetectionScore>,
  run: DenseRun,
  { images = 20, epochs = 25 },
) {
  const { seed } = run;
  const far = seenBy(boxesOf(set.test, CELLS, set.file), seed);
  // The same images as before, so that what is missing is the device alone.
  const few = prng(seed, "new-device")
    .shuffle([...set.train])
    .slice(0, images);
  const near = seenBy(boxesOf(few, CELLS, set.file), seed);
  const learn = async (what: string, settings: DenseRun["settings"] & object, given = epochs) => {
    const again = { ...run, from: old.learnt, epochs: given, settings };
    const { score, seconds } = await learnBoxes(backbone, CELLS.length, near, far, again);
    say(`${what}: ap50 ${score.ap50?.toFixed(4)} in ${seconds.toFixed(0)} s`);
    return { ap50: score.ap50 ?? 0, ap: score.ap, seconds };
  };
  const lost = await learn("on the new device", STILL, 1);
  const prompt = await learn("its own prompt", PROMPT_ALONE);
  const refittedHead = await learn("head refitted", HEAD_ALONE);
  const missing = (old.score.ap50 ?? 0) - lost.ap50;
  // Of nothing lost no share can be won back.
  const won = ({ ap50 }: { ap50: number }) => (missing > 0 ? (ap50 - lost.ap50) / missing : 0);
  return {
    wonBack: { prompt: won(prompt), refittedHead: won(refittedHead) },
    oldDevice: { ap50: old.score.ap50 ?? 0, ap: old.score.ap },
    newDevice: lost,
    prompt,
    refittedHead,
  };
}

const STILL = { promptLearningRate: 0, headLearningRate: 0 };
/** A site's file differs from the old device's in its prompt alone. */
const PROMPT_ALONE = { headLearningRate: 0 };
const HEAD_ALONE = { promptLearningRate: 0 };

function seenBy<T>({ files, truths }: Pictures<T>, seed: number): Pictures<T> {
  const codec = createSharpCodec();
  return {
    truths,
    files: files.map((file, at) => async () => {
      const pixels = await decodeImage(codec, await file());
      return encodePng(otherDevice(pixels, prng(seed, `device ${at}`), WORSE));
    }),
  };
}
