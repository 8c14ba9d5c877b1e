import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Backbone } from "@kilotune/backbone";
import { isClassification } from "@kilotune/contract";
import { drawShots, labelsOf, loadExamples } from "@kilotune/dataset";
import {
  auroc,
  embed,
  fitLinearProbe,
  HiddenStore,
  type LinearSession,
  openLinearSession,
  scopeScores,
} from "@kilotune/tuner";
import { type DataSource, runTuneJob } from "@kilotune/worker";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { sharedFile } from "./support/places.ts";
import { withFolder } from "./support/temporary.ts";
import { accuracies } from "./support/tune-once.ts";

export const bench = defineBench({
  about:
    "clinc150 with out-of-scope texts: a job's own answer and score against frozen neighbours and the probe",
  goal: "AUROC of the job's score on the test files >= 0.95, and in-scope accuracy at least the probe's",
  flags: { shots: 100 },
  async run({ shots }) {
    const backbone = await openMiniLm();
    const [tuned, frozen] = [await tune(backbone, shots), await frozenScores(backbone, shots)];
    const figures = { ...tuned, frozen };
    return { figures, reached: (tuned.scope?.auroc ?? 0) >= 0.95 && tuned.margin >= 0 };
  },
});

/** As `kilotune tune --oos-label oos`: rows of no class stand in every file, and none is learnt from. */
function tune(backbone: Backbone, shots: number) {
  return withFolder(async (folder) => {
    const { report } = await runTuneJob(
      {
        backbone,
        train: joined("train", "oos_train"),
        validation: joined("val", "oos_val"),
        test: joined("test", "oos_test"),
        outOfScope: { label: "oos" },
        method: "kv",
        shots,
        epochs: "auto",
        seed: 0,
        out: path.join(folder, "prompt.safetensors"),
        checkpoints: path.join(folder, "checkpoint"),
        resume: false,
      },
      {
        onEvent: (event) => {
          if (event.kind === "stage") say(event.words);
        },
      },
    );
    if (!isClassification(report)) throw new Error(`no classes of ${report.task}`);
    const { scope, data } = report;
    return { trainRows: data.trainRows, ...accuracies(report), scope };
  });
}

/** AUROC of what needs no tuning: the probe's surest label, and the cosine to the nearest training row. */
async function frozenScores(backbone: Backbone, shots: number) {
  const { hiddenSize } = backbone.manifest.config;
  const linear = await openLinearSession(backbone.openGraph, hiddenSize);
  const lower = await backbone.open({ kind: "lower", firstLayer: 0 });
  const upper = await backbone.open({ kind: "upper", site: { kind: "none", firstLayer: 0 } });
  const vectorsOf = async (rows: readonly { readonly text: string }[]) => {
    const ids = rows.map(({ text }) => backbone.tokenizer.encode(text).ids);
    return embed(upper, await HiddenStore.compute(backbone, lower, ids), hiddenSize);
  };
  const rows = drawShots(await read("train"), shots, 0);
  const labels = labelsOf(rows);
  const known = await vectorsOf(rows);
  const [test, outside] = [await vectorsOf(await read("test")), await vectorsOf(await read("oos_test"))];
  const classes = Int32Array.from(rows, ({ label }) => labels.indexOf(label));
  const probe = await fitLinearProbe(linear, known, classes, labels.length, { C: 10 });
  const surest = async (vectors: Float32Array) =>
    scopeScores("probability", await linear.logits(vectors, probe.weight, probe.bias), labels.length, 1);
  const areas = {
    probeProbability: auroc(await surest(test), await surest(outside)),
    nearestNeighbour: auroc(await nearest(linear, test, known), await nearest(linear, outside, known)),
  };
  await Promise.all([lower, upper, linear].map((session) => session.release()));
  return areas;
}

/** The largest cosine of each vector to any known one. */
async function nearest(linear: LinearSession, vectors: Float32Array, known: Float32Array) {
  const rows = known.length / linear.hiddenSize;
  const cosines = await linear.logits(vectors, known, new Float32Array(rows));
  return Float64Array.from({ length: cosines.length / rows }, (_, row) =>
    cosines.subarray(row * rows, (row + 1) * rows).reduce((a, b) => Math.max(a, b), -1),
  );
}

function joined(...names: readonly string[]): DataSource {
  return {
    name: names.join(" and "),
    format: "jsonl",
    async *open() {
      for (const name of names) yield await readFile(fileOf(name));
    },
  };
}

async function read(name: string) {
  return (await loadExamples(await readFile(fileOf(name)), { format: "jsonl" })).rows;
}

function fileOf(name: string): string {
  return sharedFile(`data/clinc150/${name}.jsonl`);
}
