import type { VisionBackbone } from "@kilotune/backbone";
import { prng, type ImageRow, type Target } from "@kilotune/dataset";
import { createSharpCodec, encodeMask, encodePng } from "@kilotune/image/node";
import type { StoredPrompt } from "@kilotune/prompt";
import { createVisionPredictor, verifyImageIsolation } from "@kilotune/serving";
import type { ImageJob } from "../job.ts";
import type { ImageRows } from "./image-source.ts";

const LABELS = ["left", "upper", "middle"] as const;

/** Noise with a bright part: the left half, the upper one, or a square in the middle; 14 x 16 pixels. */
export function toyImageRows(name: string, task: ImageJob["task"], count: number, seed: number): ImageRows {
  return {
    name,
    async open() {
      const random = prng(seed, `toy images ${name}`);
      const [width, height] = [14, 16];
      const files = new Map<string, Uint8Array>();
      const rows: ImageRow[] = [];
      for (let row = 0; row < count; row++) {
        const kind = row % 3;
        const data = new Uint8Array(width * height * 3);
        const mask = new Uint8Array(width * height);
        for (let y = 0; y < height; y++)
          for (let x = 0; x < width; x++) {
            const bright = [x < 7, y < 8, x >= 3 && x < 11 && y >= 4 && y < 12][kind];
            mask[y * width + x] = bright ? 1 : 0;
            for (let c = 0; c < 3; c++)
              data[(y * width + x) * 3 + c] = (bright ? 130 : 10) + random.integer(110);
          }
        files.set(`${row}.png`, await encodePng({ width, height, channels: 3, data }));
        files.set(`${row}-mask.png`, await encodeMask({ width, height, data: mask }));
        rows.push({ image: `${row}.png`, patient: null, target: targetOf(task, row), line: row + 1 });
      }
      return {
        readings: rows.map((row) => ({ kind: "row", row }) as const),
        read: async (path) => files.get(path) as Uint8Array,
        [Symbol.asyncDispose]: async () => {},
      };
    },
  };
}

function targetOf(task: ImageJob["task"], row: number): Target {
  const label = LABELS[row % 3] as string;
  const box = (
    [
      [0, 0, 7, 16],
      [0, 0, 14, 8],
      [3, 4, 11, 12],
    ] as const
  )[row % 3]!;
  // None, one or two: of every sixth image nothing is said.
  if (task === "multi_label")
    return {
      kind: "labels",
      labels: row % 6 === 5 ? [] : row % 2 ? [label] : [label, "bright"],
      several: true,
    };
  if (task === "classification") return { kind: "labels", labels: [label], several: false };
  if (task === "segmentation") return { kind: "mask", file: `${row}-mask.png` };
  return { kind: "objects", objects: [{ label: "bright", box }] };
}

/** How many answers of an image, by each of the prompts and twice, differ between alone and in mixed batches. */
export async function differingRows(
  backbone: VisionBackbone,
  prompts: ReadonlyMap<string, StoredPrompt>,
  image: Uint8Array,
  batches: number,
): Promise<number> {
  const predictor = await createVisionPredictor({
    backbone,
    codec: createSharpCodec(),
    loadPrompt: async (ref) => prompts.get(ref) as StoredPrompt,
  });
  const requests = [...prompts.keys()].flatMap((prompt) => [
    { image, prompt },
    { image: new Uint8Array(image), prompt },
  ]);
  const { differing } = await verifyImageIsolation(predictor, requests, { batches, uniform: Math.random });
  await predictor.close();
  return differing;
}
