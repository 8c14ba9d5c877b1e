import { writeFile } from "node:fs/promises";
import path from "node:path";
import { float32, type Tensor, writeSafetensors } from "@kilotune/engine";
import { decodeImage } from "@kilotune/image";
import type { LabelMap } from "@kilotune/image/masks";
import { createSharpCodec } from "@kilotune/image/node";
import type { SegmentationScore } from "@kilotune/tuner";
import { runPeer } from "./peer.ts";
import { defineBench, say } from "./support/bench.ts";
import { lastHeldOut, learnMasks, masksOf, type Pictures, type Trained } from "./support/dense.ts";
import { imageSet } from "./support/image-sets.ts";
import { REPOSITORY } from "./support/places.ts";
import { withFolder } from "./support/temporary.ts";
import { tilesOf } from "./support/tiles.ts";
import { openSaliency } from "./support/vision-backbone.ts";

export const bench = defineBench({
  about:
    "membrane (22 train, 8 test, 512 x 512): mean IoU of a head and then LoRA + head on vit-s14-saliency vs heads alone of as many epochs, one as large as both; vs a small U-Net in the same seconds",
  goal: ">= 5 points above the better head alone; <= 400 KB; above the U-Net",
  // `tiles`: each image in so many parts across and down, as pictures of their own, for both sides.
  // `heldOut`: scored on the last five training slices, which are then not learnt from. `byCell`: the patches of all heads
  // say something of each of their cells; ranks above 6 are then more than 400 KB.
  flags: {
    seed: 0,
    rank: 6,
    firstLayer: 0,
    epochs: 10,
    side: 224,
    tiles: 4,
    heldOut: false,
    byCell: true,
    withoutUnet: false,
  },
  async run({ seed, rank, firstLayer, epochs, side, tiles, heldOut: choosing, byCell, withoutUnet }) {
    const backbone = await openSaliency([side, side]);
    const set = await imageSet("membrane");
    const { train, test } = choosing ? lastHeldOut(set.train, 5) : set;
    // 0 a membrane, 255 the inside of a cell.
    const of = (rows: typeof train) => masksOf(rows, [0, 255], set.file);
    const [learntWhole, scoredWhole] = [await of(train), await of(test)];
    const [learnt, scored] = [await tilesOf(learntWhole, tiles), await tilesOf(scoredWhole, tiles)];
    const given = { seed, byCell, ...(epochs > 0 && { epochs }) };
    const runOf = async (run: Parameters<typeof learnMasks>[4]) => {
      const trained = await learnMasks(backbone, 2, learnt, scored, run);
      say(JSON.stringify(told(trained)));
      return trained;
    };
    // As in cells: a head, then a prompt with it; heads alone get as many epochs as both, the U-Net as many seconds.
    const first = await runOf({ ...given, method: "head" });
    const lora = { method: "lora", tokens: rank, firstLayer } as const;
    const prompt = await runOf({ ...given, ...lora, from: first.learnt, headStands: true });
    const alone = { ...given, epochs: first.epochs + prompt.epochs, method: "head" } as const;
    const [head, large] = [await runOf(alone), await runOf({ ...alone, innerWidth: 72 })];
    const peer = withoutUnet
      ? undefined
      : await uNet(learntWhole, scoredWhole, first.seconds + prompt.seconds, seed);
    const best = Math.max(head.score.meanIou, large.score.meanIou);
    const points = 100 * (prompt.score.meanIou - best);
    const bytes = prompt.headBytes + prompt.promptBytes;
    const figures = {
      pointsAboveHeadAlone: points,
      prompt: told(prompt),
      headAlone: told(head),
      largeHeadAlone: told(large),
      ...(peer && { uNet: peer }),
      bytes,
    };
    const above = peer === undefined || prompt.score.meanIou > peer.meanIou;
    return { figures, reached: points >= 5 && bytes <= 400e3 && above };
  },
});

function told({ score, headBytes, promptBytes, epochs, seconds }: Trained<SegmentationScore>) {
  const iou = score.perClass.map((each) => each.iou);
  return { meanIou: score.meanIou, iou, headBytes, promptBytes, epochs, seconds };
}

/** `unet.py` on the same images at their own size. */
async function uNet(train: Pictures<LabelMap>, test: Pictures<LabelMap>, seconds: number, seed: number) {
  return withFolder(async (folder) => {
    const file = path.join(folder, "images.safetensors");
    const tensors = new Map([...(await packed("train", train)), ...(await packed("test", test))]);
    await writeFile(file, writeSafetensors(tensors));
    const script = path.join(REPOSITORY, "bench/peers/unet.py");
    const flags = ["--seconds", `${Math.round(seconds)}`, "--seed", `${seed}`];
    const stdout = await runPeer(script, [file, ...flags]);
    const found = /views 1 miou ([\d.]+) iou [\d. ]+ steps (\d+) params (\d+)/.exec(stdout);
    const turned = /views 8 miou ([\d.]+)/.exec(stdout);
    if (!found || !turned) throw new Error(`expected the peer's score, saw: ${stdout.slice(-300)}`);
    const [meanIou, steps, parameters] = found.slice(1).map(Number) as [number, number, number];
    return { meanIou, meanIouOfEightViews: Number(turned[1]), steps, parameters, bytes: 4 * parameters };
  });
}

async function packed(part: string, { files, truths }: Pictures<LabelMap>): Promise<[string, Tensor][]> {
  const codec = createSharpCodec();
  const { width, height } = truths[0] as LabelMap;
  const images = new Float32Array(files.length * width * height);
  const maps = new Float32Array(images.length);
  for (const [at, file] of files.entries()) {
    const { data, channels } = await decodeImage(codec, await file());
    for (let i = 0; i < width * height; i++)
      images[at * width * height + i] = (data[i * channels] as number) / 255;
    maps.set((truths[at] as LabelMap).data, at * width * height);
  }
  const dims = [files.length, height, width];
  return [
    [part, float32(images, dims)],
    [`${part}.map`, float32(maps, dims)],
  ];
}
