import { type Backbone, defaultFirstLayer } from "@kilotune/backbone";
import { renderReport } from "@kilotune/report";
import { fileSource, type TuneJob } from "@kilotune/worker";
import { assertStartsAsData } from "../check-data.ts";
import { defineCommand } from "../command.ts";
import { prepareOutput, writeWhole } from "../output-file.ts";
import { summaryWords, tuneResult, tuneWithProgress } from "../run-job.ts";
import { usageError } from "../usage-error.ts";
import { openBackbone, precisionFlag } from "../with-backbone.ts";

export const tune = defineCommand({
  summary: "Learn a prompt from labelled sentences, and say honestly whether it paid",
  details:
    "Compares with four baselines on held-out rows and publishes what is better. Same files, flags and seed: same bytes.\n" +
    "Ctrl-C leaves a checkpoint beside --out, and --resume goes on from it.",
  positionals: {
    train: { value: "TRAIN", count: "one", about: 'JSONL of {"text", "label"}, or CSV with a header' },
  },
  flags: {
    validation: {
      kind: "text",
      value: "FILE",
      about: "Rows that choose epochs and verdict; else a part of TRAIN",
    },
    test: { kind: "text", value: "FILE", about: "Rows for the figures, never chosen by" },
    backbone: { kind: "text", value: "ID|FOLDER", about: "The frozen model", default: "minilm-l6" },
    precision: { ...precisionFlag, about: `The model's; ${precisionFlag.about}`, default: "fp32" },
    method: {
      kind: "choice",
      of: ["kv", "soft", "head"],
      about: "Key/value prefixes, soft tokens, or a head alone",
      default: "kv",
    },
    tokens: {
      kind: "integer",
      value: "N",
      min: 1,
      max: 128,
      about: "Virtual tokens; the method's default else",
    },
    "first-layer": {
      kind: "integer",
      value: "N",
      min: 0,
      max: 999,
      about: "First prompted layer of kv; the upper half else",
    },
    shots: {
      kind: "integer",
      value: "N",
      min: 1,
      max: 1_000_000,
      about: "Draw N rows a class with the seed; all rows else",
    },
    epochs: {
      kind: "integer",
      value: "N",
      min: 1,
      max: 1000,
      or: "auto",
      about: "Most epochs",
      default: "auto",
    },
    seed: {
      kind: "integer",
      value: "N",
      min: 0,
      max: 4_294_967_295,
      about: "Of every random choice",
      default: 0,
    },
    out: { kind: "text", value: "FILE", about: "The prompt", default: "./prompt.safetensors" },
    report: { kind: "text", value: "FILE", about: "Write an HTML report too" },
    resume: { kind: "switch", about: "Go on from the checkpoint of the very same job" },
  },
  examples: [
    {
      line: "kilotune tune examples/support-desk/train.jsonl --test examples/support-desk/test.jsonl",
      purpose: "the defaults",
    },
    {
      line: "kilotune tune train.csv --validation dev.csv --test test.csv --out out/desk.safetensors --report out/desk.html",
      purpose: "every file named",
    },
    {
      line: "kilotune tune train.jsonl --shots 10 --seed 1 --json",
      purpose: "ten rows a class, for a program",
    },
  ],
  async run(args, terminal) {
    refuseIdleFlags(args);
    const { train, validation, test, out, report } = args;
    for (const file of [train, validation, test])
      if (file !== undefined) await assertStartsAsData(file, terminal);
    await prepareOutput(out);
    if (report !== undefined) await prepareOutput(report);

    const signal = terminal.io.takeInterrupt();
    const backbone = await openBackbone(args.backbone, terminal, { signal, precision: args.precision });
    refuseLayer(args.firstLayer, backbone);
    const job: TuneJob = {
      backbone,
      train: fileSource(train),
      ...(validation === undefined ? {} : { validation: fileSource(validation) }),
      ...(test === undefined ? {} : { test: fileSource(test) }),
      method: args.method,
      ...(args.tokens === undefined ? {} : { tokens: args.tokens }),
      ...(args.firstLayer === undefined ? {} : { firstLayer: args.firstLayer }),
      ...(args.shots === undefined ? {} : { shots: args.shots }),
      epochs: args.epochs as number | "auto",
      seed: args.seed,
      out,
      checkpoints: `${out}.checkpoint`,
      resume: args.resume,
    };
    const result = await tuneWithProgress(job, terminal, signal);
    if (report !== undefined) await writeWhole(report, renderReport(result.report));
    terminal.result(tuneResult(result), () => {
      const summary = summaryWords(result.report, terminal, "stdout");
      return report === undefined ? summary : `${summary}\nReport: ${report}`;
    });
    return 0;
  },
});

/** A flag that would change nothing was meant for another method. */
function refuseIdleFlags(args: {
  method: string;
  firstLayer: number | undefined;
  tokens: number | undefined;
}): void {
  if (args.firstLayer !== undefined && args.method !== "kv")
    throw usageError(
      "tune",
      `--first-layer is of --method kv, not of ${args.method}`,
      "Leave one of them out.",
    );
  if (args.tokens !== undefined && args.method === "head")
    throw usageError(
      "tune",
      "--tokens is of --method kv and soft: a head has none",
      "Leave one of them out.",
    );
}

function refuseLayer(firstLayer: number | undefined, { manifest }: Backbone): void {
  const { layers } = manifest.config;
  if (firstLayer === undefined || firstLayer < layers) return;
  throw usageError(
    "tune",
    `--first-layer: expected 0 to ${layers - 1}, the layers of ${manifest.id}, but saw ${firstLayer}`,
    `Leave it out for ${defaultFirstLayer(layers)}.`,
  );
}
