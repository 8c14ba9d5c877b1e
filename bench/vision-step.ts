import path from "node:path";
import type { VisionBackbone, VisionHead } from "@kilotune/backbone";
import { type Prng, prng } from "@kilotune/dataset";
import { crossEntropy, type Feeds, float32, type Tensor, type Value } from "@kilotune/engine";
import { initAdamW, updateAdamW } from "@kilotune/tuner";
import { runPeer } from "./peer.ts";
import { defineBench, say } from "./support/bench.ts";
import { REPOSITORY } from "./support/places.ts";
import { openSaliency, saliencyCheckpoint } from "./support/vision-backbone.ts";

export const bench = defineBench({
  about:
    "seconds an epoch of VPT-deep on vit-s14-saliency, 224 x 224, linear head: vs plain PyTorch, and from layer 6 on",
  goal: "all layers <= 0.6 x the peer's epoch",
  flags: { images: 64, batch: 16, tokens: 10, classes: 10, rounds: 3, seed: 0 },
  async run({ images, batch, tokens, classes, rounds, seed }) {
    const backbone = await openSaliency();
    const setting = { images, batch, tokens, classes, seed };
    const [all, late] = [
      await prepareEpochs(backbone, 0, setting),
      await prepareEpochs(backbone, 6, setting),
    ];
    const seconds = { allLayers: [] as number[], fromLayer6: [] as number[], peer: [] as number[] };
    // In turns, so that a busy minute of the machine falls on all three; the least is what the work takes.
    for (let round = 0; round < rounds; round++) {
      seconds.allLayers.push(await all.epoch());
      seconds.fromLayer6.push(await late.epoch());
      seconds.peer.push(...(await peerEpochs(setting)));
      say(JSON.stringify(seconds));
    }
    await all.release();
    await late.release();
    const [allLayers, fromLayer6, peer] = [seconds.allLayers, seconds.fromLayer6, seconds.peer].map((each) =>
      Math.min(...each),
    ) as [number, number, number];
    const ratio = { allLayers: allLayers / peer, fromLayer6: fromLayer6 / peer };
    const figures = {
      ratio,
      secondsAnEpoch: { allLayers, fromLayer6, peer },
      seconds,
      // Once a job, not once an epoch: patches, layers below the first prompted one, and what of that no prompt changes.
      secondsToPrepare: { allLayers: all.preparing, fromLayer6: late.preparing },
      images,
    };
    return { figures, reached: ratio.allLayers <= 0.6 };
  },
});

interface Setting {
  readonly images: number;
  readonly batch: number;
  readonly tokens: number;
  readonly classes: number;
  readonly seed: number;
}

/** An epoch is everything from drawing its batches to its last update, as the peer's is. */
async function prepareEpochs(backbone: VisionBackbone, firstLayer: number, setting: Setting) {
  const { images, batch, tokens, classes, seed } = setting;
  const { layers, hiddenSize: H, heads, height, width } = backbone.manifest.config;
  const random = prng(seed, `vision-step-${firstLayer}`);
  const site = { kind: "deep", firstLayer } as const;
  const lower = await backbone.open({ kind: "lower", site });
  const begun = performance.now();
  const hidden: Float32Array[] = [];
  for (let image = 0; image < images; image++) {
    const pixels = Float32Array.from({ length: 3 * height * width }, () => random.normal());
    const result = await lower.run({ pixels: float32(pixels, [1, 3, height, width]) });
    hidden.push((result.hidden as Tensor).data as Float32Array);
  }
  const preparing = (performance.now() - begun) / 1000;
  await lower.release();
  const labels = Array.from({ length: images }, () => random.integer(classes));
  const session = await backbone.openTuned(site, linearHead(classes, H));
  const learnt: Record<string, Tensor> = {
    deep: uniform(random, [layers - firstLayer, tokens, H], 0.06),
    weight: uniform(random, [classes, H], 1 / Math.sqrt(H)),
    bias: float32(new Float32Array(classes), [classes]),
  };
  const states = Object.entries(learnt).map(([name, { data }]) => ({ name, state: initAdamW(data.length) }));
  const size = (hidden[0] as Float32Array).length;
  return {
    preparing,
    async epoch(): Promise<number> {
      const started = performance.now();
      const order = random.shuffle(Array.from({ length: images }, (_, at) => at));
      for (let from = 0; from < images; from += batch) {
        const rows = order.slice(from, from + batch);
        const rowsHidden = new Float32Array(rows.length * size);
        const targets = new Float32Array(rows.length * classes);
        rows.forEach((image, row) => {
          rowsHidden.set(hidden[image] as Float32Array, row * size);
          targets[row * classes + (labels[image] as number)] = 1;
        });
        const feeds: Feeds = {
          hidden: float32(rowsHidden, [rows.length, size / (3 * H + heads), 3 * H + heads]),
          targets: float32(targets, [rows.length, classes]),
          weights: float32(new Float32Array(rows.length).fill(1 / rows.length), [rows.length]),
          ...learnt,
        };
        const results = await session.run(feeds);
        for (const { name, state } of states) {
          const gradient = results[`grad.${name}`]?.data as Float32Array;
          updateAdamW(state, learnt[name]?.data as Float32Array, gradient, 1e-3);
        }
      }
      return (performance.now() - started) / 1000;
    },
    release: () => session.release(),
  };
}

/** One product of the class token, as in the paper. */
function linearHead(classes: number, hiddenSize: number): VisionHead {
  return {
    wanted: { cls: true },
    add(b, { cls }) {
      const weight = b.input("weight", "float32", [classes, hiddenSize]);
      const logits = b.op("Gemm", [cls as Value, weight, b.input("bias", "float32", [classes])], {
        transB: 1,
      });
      const loss = crossEntropy(
        b,
        logits,
        b.input("targets", "float32", ["B", classes]),
        b.input("weights", "float32", ["B"]),
      );
      b.output(loss, "loss");
      return ["weight", "bias"];
    },
  };
}

function uniform(random: Prng, dims: readonly number[], bound: number): Tensor {
  const size = dims.reduce((product, dim) => product * dim, 1);
  return float32(
    Float32Array.from({ length: size }, () => bound * (2 * random.uniform() - 1)),
    dims,
  );
}

/** Seconds of each of two epochs of `vpt_deep.py` on as many images. */
async function peerEpochs({ images, batch, tokens, classes }: Setting): Promise<number[]> {
  const script = path.join(REPOSITORY, "bench/peers/vpt_deep.py");
  const flags = { images, batch, tokens, classes, epochs: 2 };
  const given = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const stdout = await runPeer(script, [await saliencyCheckpoint(), ...given]);
  const seconds = [...stdout.matchAll(/ s ([\d.]+)/g)].map((match) => Number(match[1]));
  if (seconds.length !== 2) throw new Error(`expected two epochs of the peer, saw: ${stdout}`);
  return seconds;
}
