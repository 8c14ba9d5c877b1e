import { readFile } from "node:fs/promises";
import path from "node:path";
import { mainFigure } from "@kilotune/contract";
import { type DataSource, type PromptInit, runTuneJob, type TextJob } from "@kilotune/worker";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { sharedFile } from "./support/places.ts";
import { withFolder } from "./support/temporary.ts";
import { mean } from "./support/tune-once.ts";

/** undefined: at random. */
const STARTS: readonly ((PromptInit["kind"] & ("vocabulary" | "labels" | "examples")) | undefined)[] = [
  undefined,
  "labels",
  "examples",
  "vocabulary",
];

export const bench = defineBench({
  about:
    "banking77 (--clinc: clinc150), few rows a class: where a kv prompt (--soft) starts, on training rows held out",
  goal: "the default, random, isn't beaten with every seed",
  flags: { shots: 5, seeds: 3, held: 20, clinc: false, soft: false },
  async run({ shots, seeds, held, clinc, soft }) {
    const backbone = await openMiniLm();
    const rows = await trainingRows(clinc ? "clinc150" : "banking77", held);
    const accuracy: Record<string, number[]> = {};
    for (let seed = 0; seed < seeds; seed++)
      for (const kind of STARTS) {
        const job = { backbone, ...rows, shots, seed, method: soft ? "soft" : "kv" } as const;
        const figure = await heldOutAccuracy({ ...job, ...(kind && { init: { kind } }) });
        const name = kind ?? "random";
        accuracy[name] = [...(accuracy[name] ?? []), figure];
        say(`seed ${seed}, ${name}: ${figure.toFixed(2)} %`);
      }
    const random = accuracy.random as number[];
    const gains = Object.entries(accuracy).map(([name, own]) => [
      name,
      own.map((value, seed) => value - (random[seed] as number)),
    ]) as [string, number[]][];
    const better = gains.filter(([, own]) => own.every((gain) => gain > 0)).map(([name]) => name);
    const means = gains.map(([name, own]) => [name, mean(own)]);
    return {
      figures: { accuracy, meanGainPoints: Object.fromEntries(means), better },
      reached: better.length === 0,
    };
  },
});

async function heldOutAccuracy(
  job: Omit<TextJob, "epochs" | "out" | "checkpoints" | "resume">,
): Promise<number> {
  return withFolder(async (folder) => {
    const { report } = await runTuneJob({
      ...job,
      epochs: "auto",
      publishAsked: true,
      out: path.join(folder, "prompt.safetensors"),
      checkpoints: path.join(folder, "checkpoint"),
      resume: false,
    });
    const own = report.candidates.find(({ name }) => name === job.method)?.heldOut;
    return 100 * (own ? mainFigure(own).value : Number.NaN);
  });
}

/** Of a data set's training file the last rows of each class as validation, the others to draw from. */
async function trainingRows(
  name: string,
  held: number,
): Promise<{ readonly train: DataSource; readonly validation: DataSource }> {
  const text = await readFile(sharedFile(`data/${name}/train.jsonl`), "utf8");
  const byLabel = new Map<string, string[]>();
  for (const line of text.trim().split("\n")) {
    const { label } = JSON.parse(line) as { label: string };
    byLabel.set(label, [...(byLabel.get(label) ?? []), line]);
  }
  const source = (of: string, take: (lines: string[]) => string[]): DataSource => {
    const bytes = new TextEncoder().encode([...byLabel.values()].flatMap(take).join("\n"));
    return { name: of, format: "jsonl", open: () => bytes };
  };
  return {
    train: source("train.jsonl", (lines) => lines.slice(0, -held)),
    validation: source("held-out.jsonl", (lines) => lines.slice(-held)),
  };
}
