import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Backbone } from "@kilotune/backbone";
import { drawShots, type Example, labelsOf } from "@kilotune/dataset";
import {
  chooseSettings,
  classMeans,
  embed,
  HiddenStore,
  startTuning,
  textClassification,
  tune,
} from "@kilotune/tuner";
import { runPeer } from "./peer.ts";
import { miniLmCheckpoint, openMiniLm } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { sharedFile } from "./support/places.ts";
import { withFolder } from "./support/temporary.ts";
import { readRows } from "./support/texts.ts";

const TRAIN = "data/banking77/train.jsonl";
const BATCH = 32;

export const bench = defineBench({
  about:
    "seconds an epoch, banking77 10 shots, 8 prefix tokens: on all layers and from layer 3, vs plain PyTorch",
  goal: "all layers <= 0.5 x the peer's epoch, from layer 3 <= 0.15 x",
  flags: { shots: 10, rounds: 3, seed: 0 },
  async run({ shots, rounds, seed }) {
    const drawn = drawShots(await readRows(sharedFile(TRAIN)), shots, seed);
    const backbone = await openMiniLm();
    const [all, late] = [await prepareEpochs(backbone, drawn, 0), await prepareEpochs(backbone, drawn, 3)];
    const seconds = { allLayers: [] as number[], fromLayer3: [] as number[], peer: [] as number[] };
    // In turns, so that a busy minute of the machine falls on all three; the least is what the work takes.
    for (let round = 0; round < rounds; round++) {
      seconds.allLayers.push(...(await all.epochs()));
      seconds.fromLayer3.push(...(await late.epochs()));
      seconds.peer.push(...(await peerEpochs(drawn)));
      say(JSON.stringify(seconds));
    }
    await all.release();
    await late.release();
    const least = {
      allLayers: Math.min(...seconds.allLayers),
      fromLayer3: Math.min(...seconds.fromLayer3),
      peer: Math.min(...seconds.peer),
    };
    const ratio = { allLayers: least.allLayers / least.peer, fromLayer3: least.fromLayer3 / least.peer };
    const figures = {
      ratio,
      secondsAnEpoch: least,
      seconds,
      // Once a job, not once an epoch, and so not in the epoch: the layers below the first prompted one.
      secondsToPrepare: { allLayers: all.preparing, fromLayer3: late.preparing },
      rows: drawn.length,
    };
    return { figures, reached: ratio.allLayers <= 0.5 && ratio.fromLayer3 <= 0.15 };
  },
});

/** Opens what an epoch needs. An epoch is everything from drawing its batches to its last update; like the peer's, without dropout. */
async function prepareEpochs(backbone: Backbone, rows: readonly Example[], firstLayer: number) {
  const names = labelsOf(rows);
  const labels = Int32Array.from(rows, ({ label }) => names.indexOf(label));
  const { hiddenSize } = backbone.manifest.config;
  const lower = await backbone.open({ kind: "lower", firstLayer });
  const begun = performance.now();
  const ids = rows.map(({ text }) => backbone.tokenizer.encode(text).ids);
  const store = await HiddenStore.compute(backbone, lower, ids);
  const preparing = (performance.now() - begun) / 1000;
  const plain = await backbone.open({ kind: "upper", site: { kind: "none", firstLayer } });
  const prototypes = classMeans(await embed(plain, store, hiddenSize), labels, names.length, hiddenSize);
  await plain.release();
  const settings = {
    ...chooseSettings(backbone.manifest, { method: "kv", trainRows: rows.length, seed: 0, firstLayer }),
    epochs: 2,
    batchSize: BATCH,
    dropout: 0,
  };
  const data = { store, labels, classes: names.length };
  const task = textClassification(backbone, settings, data, prototypes);
  const session = await task.open({ dropout: false });
  return {
    preparing,
    /** Seconds of each of two epochs, as of the peer; what a run sets up once falls on the first. */
    async epochs() {
      const state = startTuning(settings, task);
      const ends = [performance.now()];
      const onEpoch = async () => void ends.push(performance.now());
      await tune(settings, task, session, state, { onEpoch });
      return ends.slice(1).map((end, epoch) => (end - (ends[epoch] as number)) / 1000);
    },
    async release() {
      await session.release();
      await lower.release();
    },
  };
}

/**
 * Seconds of each of two epochs of `kv_prefix_torch.py` on the same rows. It reports the mean seconds a step so far; one
 * test row is evaluated within, which takes some milliseconds.
 */
async function peerEpochs(rows: readonly Example[]): Promise<number[]> {
  return withFolder(async (folder) => {
    const train = path.join(folder, "train.jsonl");
    await writeFile(train, rows.map(({ text, label }) => `${JSON.stringify({ text, label })}\n`).join(""));
    const stdout = await runPeer(sharedFile("oracle/kv_prefix_torch.py"), [
      ...[await miniLmCheckpoint(), train, train],
      ...["--method", "kv", "--shots", "0", "--tokens", "8", "--first-layer", "0"],
      ...["--epochs", "2", "--batch", `${BATCH}`, "--test-rows", "1"],
    ]);
    const means = [...stdout.matchAll(/s\/step ([\d.]+)/g)].map((match) => Number(match[1]));
    if (means.length !== 2) throw new Error(`expected two epochs of the peer, saw: ${stdout}`);
    const [first, both] = means as [number, number];
    const steps = Math.ceil(rows.length / BATCH);
    return [first * steps, both * 2 * steps - first * steps];
  });
}
