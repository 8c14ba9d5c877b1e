import { fork } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";
import { IMAGENET, type Preprocessing, prepareImage } from "@kilotune/image";
import { createSharpCodec } from "@kilotune/image/node";
import type { Sharp, SharpOptions } from "sharp";
import { defineBench, say } from "./support/bench.ts";
import { mixedImages } from "./support/mixed-images.ts";
import { REPOSITORY } from "./support/places.ts";

const SPEC: Preprocessing = {
  width: 224,
  height: 224,
  fit: { kind: "letterbox" },
  kernel: "linear",
  background: [255, 255, 255],
  ...IMAGENET,
};

export const bench = defineBench({
  about:
    "1,000 mixed images to tensors on one core vs sharp alone to pixels; hostile files in a process of their own",
  goal: ">= 0.8 x of sharp to the same numbers; 0 crashes, <= 400 MB more than before",
  flags: { images: 1000, rounds: 3, hostile: 3000 },
  async run({ images, rounds, hostile }) {
    const sharp: SharpModule = createRequire(path.join(REPOSITORY, "packages/image/package.json"))("sharp");
    sharp.concurrency(1);
    const codec = createSharpCodec();
    const files = await mixedImages(sharp, images);
    const out = new Float32Array(3 * SPEC.width * SPEC.height);
    const ways = {
      ours: (bytes: Uint8Array) => prepareImage(codec, bytes, SPEC, { out }),
      sharp: (bytes: Uint8Array) => alone(sharp, bytes, false),
      sharpCoarse: (bytes: Uint8Array) => alone(sharp, bytes, true),
    };
    const best: Record<string, number> = {};
    for (let round = 0; round < rounds; round++) {
      for (const [name, way] of Object.entries(ways)) {
        const begun = performance.now();
        // One after the other: one image, one thread at work.
        for (const bytes of files) await way(bytes);
        const perSecond = (1000 * files.length) / (performance.now() - begun);
        best[name] = Math.max(best[name] ?? 0, perSecond);
        say(`round ${round + 1}: ${name} ${perSecond.toFixed(0)} images a second`);
      }
    }
    const share = best.ours! / best.sharp!;
    const attacked = await attack(hostile);
    const figures = {
      imagesPerSecond: best,
      share,
      shareOfCoarse: best.ours! / best.sharpCoarse!,
      hostile: attacked,
    };
    return { figures, reached: share >= 0.8 && attacked.crashes === 0 && attacked.grownMb <= 400 };
  },
});

type SharpModule = {
  (input: Uint8Array, options?: SharpOptions): Sharp;
  concurrency(threads: number): number;
};

/**
 * What a person would write without us: upright, on white, letterboxed, as pixels.
 *
 * @param coarse lets decoders shrink large photos by themselves, to other numbers than a browser's: sharp's own default
 */
async function alone(sharp: SharpModule, bytes: Uint8Array, coarse: boolean): Promise<void> {
  const image = sharp(bytes, { ignoreIcc: true, limitInputPixels: 50e6 });
  image.autoOrient().flatten({ background: "#fff" });
  if (!coarse) image.extract({ left: 0, top: 0, ...(await image.metadata()).autoOrient });
  const fit = { fit: "contain", background: "#fff", kernel: "linear" } as const;
  await image.resize(SPEC.width, SPEC.height, fit).raw().toBuffer();
}

interface Attacked {
  readonly files: number;
  readonly read: number;
  readonly refused: number;
  readonly crashes: number;
  readonly grownMb: number;
}

/** A crash of native code ends a process: so it is another one. */
async function attack(files: number): Promise<Attacked> {
  const child = fork(path.join(import.meta.dirname, "support/decode-hostile.ts"), [String(files)], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const result = once(child, "message").then(([message]) => message as Attacked);
  const ended = once(child, "exit").then(() => null);
  const said = await Promise.race([result, ended]);
  await ended;
  return said ?? { files, read: 0, refused: 0, crashes: 1, grownMb: Number.NaN };
}
