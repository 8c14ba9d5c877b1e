import { prng } from "@kilotune/dataset";
import { createSharpCodec, encodePng } from "@kilotune/image/node";
import type { ImageSource } from "./image-store.ts";
import type { VisionSettings } from "./settings.ts";

export const VISION_SETTINGS: VisionSettings = {
  method: "deep",
  tokens: 3,
  firstLayer: 1,
  feature: "mean",
  epochs: 3,
  batchSize: 8,
  promptLearningRate: 1e-2,
  headLearningRate: 1e-2,
  temperature: 0.1,
  dropout: 0.1,
  warmup: 0.1,
  clipNorm: 1,
  copies: 0,
  seed: 1,
};

/** Noise with a bright half: the left one, the upper one, or a bright square in the middle; 14 x 16 pixels. */
export async function toyImages(
  perClass: number,
  stream = "train",
): Promise<{ source: ImageSource; labels: Int32Array }> {
  const random = prng(2, `toy images ${stream}`);
  const [width, height] = [14, 16];
  const labels = Int32Array.from({ length: 3 * perClass }, (_, row) => row % 3);
  const files: Uint8Array[] = [];
  for (const label of labels) {
    const data = new Uint8Array(width * height * 3);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const middle = Math.abs(x - 7) < 3 && Math.abs(y - 8) < 3;
        const bright = [x < 7, y < 8, middle][label];
        for (let c = 0; c < 3; c++) data[(y * width + x) * 3 + c] = (bright ? 130 : 10) + random.integer(110);
      }
    files.push(await encodePng({ width, height, channels: 3, data }));
  }
  const file = async (image: number) => files[image] as Uint8Array;
  return { source: { images: files.length, codec: createSharpCodec(), file }, labels };
}
