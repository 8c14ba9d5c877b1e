import { METHOD_SHAPES, type MethodName, settingWords, type SweptCandidate } from "@kilotune/contract";
import { renderReport } from "@kilotune/report";
import { drawCandidates, gridOf, parseSweep, type SweepSpace } from "@kilotune/tuner";
import { fileSource, runSweep, type TuneJob } from "@kilotune/worker";
import { assertStartsAsData } from "../check-data.ts";
import { defineCommand } from "../command.ts";
import { assertRereadable } from "../input-file.ts";
import { jobProgress } from "../job-progress.ts";
import { FOLDS_FLAG, OUTPUT_FLAGS, SHOTS_FLAG, TEST_FLAG } from "../job-flags.ts";
import { prepareOutput, writeWhole } from "../output-file.ts";
import { PROMPT_FLAGS, readInit, readReparam } from "../prompt-init.ts";
import { summaryWords, takeStop, tuneResult } from "../run-job.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { percent } from "../terminal/units.ts";
import { PARALLEL_FLAGS, parallelOf } from "../parallel.ts";
import { usageError } from "../usage-error.ts";
import { openBackbone, precisionFlag } from "../with-backbone.ts";

export const sweep = defineCommand({
  summary: "Try many settings on held-out rows, then tune with the best of them",
  details:
    "Ranges are NAME=RANGE: tokens=4,8,16 (values), dropout=0..0.3 (evenly), promptLearningRate=1e-3..1e-1:log.\n" +
    "NAME is tokens, firstLayer, epochs, batchSize, promptLearningRate, headLearningRate, temperature or dropout.\n" +
    "Whoever falls behind is dropped early (--strategy halving). The test file is seen once, by the best one.\n" +
    "--parallel N tries N at once, each in a process of its own, with the same result; auto: as many as cores and --memory allow.\n" +
    "--folds K measures each candidate on K folds in turn, in place of one part of TRAIN.\n" +
    "Ctrl-C leaves what was measured beside --out, and --resume goes on from it.",
  positionals: {
    train: { value: "TRAIN", count: "one", about: 'JSONL of {"text", "label"}, or CSV with a header' },
    ranges: { value: "NAME=RANGE", count: "any", about: "What may change, and how far" },
  },
  flags: {
    strategy: {
      kind: "choice",
      of: ["halving", "random", "grid"],
      about: "Drawn and dropped early, drawn, or every combination of values",
      default: "halving",
    },
    candidates: {
      kind: "integer",
      value: "N",
      min: 1,
      max: 1000,
      about: "How many are drawn; a grid has as many as it has",
      default: 16,
    },
    validation: { kind: "text", value: "FILE", about: "Rows that choose; else a part of TRAIN" },
    ...TEST_FLAG,
    backbone: { kind: "text", value: "ID|FOLDER", about: "The frozen model", default: "minilm-l6" },
    precision: { ...precisionFlag, about: `The model's; ${precisionFlag.about}`, default: "fp32" },
    method: {
      kind: "choice",
      of: ["kv", "soft", "deep", "lora", "bias"],
      about:
        "Key/value prefixes, soft or deep tokens, low-rank products, whose tokens are the rank, or biases",
      default: "kv",
    },
    ...PROMPT_FLAGS,
    ...SHOTS_FLAG,
    ...FOLDS_FLAG,
    ...PARALLEL_FLAGS,
    ...OUTPUT_FLAGS,
    resume: { kind: "switch", about: "Go on where the very same sweep was stopped" },
  },
  examples: [
    {
      line: "kilotune sweep examples/support-desk/train.jsonl tokens=4,8,16 promptLearningRate=1e-3..1e-1:log --test examples/support-desk/test.jsonl",
      purpose: "16 candidates, dropped early",
    },
    {
      line: "kilotune sweep train.jsonl tokens=4,8 temperature=0.05,0.08 --strategy grid --report sweep.html",
      purpose: "a grid of 4",
    },
    {
      line: "kilotune sweep train.jsonl tokens=4,8,16 dropout=0..0.3 --parallel auto --memory 8000",
      purpose: "several at once, in 8 GB",
    },
  ],
  async run(args, terminal) {
    const { train, ranges, validation, test, strategy, seed, out, report } = args;
    if (args.folds !== undefined && validation !== undefined)
      throw usageError(
        "sweep",
        "--folds measures on parts of TRAIN, and --validation on rows of its own",
        "Leave one of them out.",
      );
    const space = parseSweep(ranges);
    refuseIdle(space, args.method);
    const candidates = strategy === "grid" ? gridOf(space) : drawCandidates(space, args.candidates, seed);
    for (const file of [train, validation, test]) {
      if (file === undefined) continue;
      // The candidates and the last job each read it.
      await assertRereadable(file);
      await assertStartsAsData(file, terminal);
    }
    const init = await readInit("sweep", args.init);
    const reparam = readReparam("sweep", args.reparam);
    await prepareOutput(out);
    if (report !== undefined) await prepareOutput(report);
    const signal = takeStop(terminal);
    const job: TuneJob = {
      backbone: await openBackbone(args.backbone, terminal, { signal, precision: args.precision }),
      train: fileSource(train),
      ...(validation === undefined ? {} : { validation: fileSource(validation) }),
      ...(test === undefined ? {} : { test: fileSource(test) }),
      method: args.method,
      ...(init && { init }),
      ...(reparam && { reparam }),
      ...(args.shots === undefined ? {} : { shots: args.shots }),
      epochs: "auto",
      ...(args.folds === undefined ? {} : { folds: args.folds }),
      seed,
      out,
      checkpoints: `${out}.checkpoint`,
      resume: args.resume,
    };
    const halving = strategy === "halving";
    const parallel = await parallelOf(args, terminal);
    const result = await runSweep(
      { job, candidates, halving, ...(parallel && { parallel }) },
      {
        onEvent: jobProgress(terminal),
        onTrial: (trial, { trials, of }) => terminal.say(`${trials} of ${of}: ${trialWords(trial)}`),
        signal,
        clock: terminal.io.clock,
      },
    );
    terminal.endProgress();
    if (report !== undefined) await writeWhole(report, renderReport(result.report));
    const swept = result.report.sweep ?? [];
    terminal.result({ ...tuneResult(result), sweep: swept.map(printed) }, () =>
      [
        ...table(swept, terminal),
        summaryWords(result.report, terminal, "stdout"),
        ...(report === undefined ? [] : [`Report: ${report}`]),
      ].join("\n"),
    );
    return 0;
  },
});

/** A range that would change nothing was meant for another method. */
function refuseIdle(space: SweepSpace, method: MethodName): void {
  const { size, firstLayer } = METHOD_SHAPES[method];
  const idle = { tokens: size === undefined, firstLayer: !firstLayer };
  for (const name of ["tokens", "firstLayer"] as const)
    if (space.has(name) && idle[name])
      throw usageError(
        "sweep",
        `${name}: expected a setting of --method ${method}`,
        "Leave one of them out.",
      );
}

function trialWords({ settings, share, score }: SweptCandidate): string {
  const figure = Number.isFinite(score) ? percent(score) : "diverged";
  return `${settingWords(settings) || "as chosen automatically"}: ${figure} after ${percent(share)} of its run`;
}

/** JSON knows no infinity: null stands for a run that diverged. */
function printed({ settings, share, score }: SweptCandidate) {
  return { settings, share, score: Number.isFinite(score) ? score : null };
}

function table(swept: readonly SweptCandidate[], terminal: Terminal): string[] {
  const shown = swept.slice(0, 10).map((trial, at) => {
    const words = `${at === 0 ? "▸" : " "} ${trialWords(trial)}`;
    return at === 0 ? terminal.paint("stdout", "bold", words) : words;
  });
  const rest = swept.length - shown.length;
  return [...shown, ...(rest > 0 ? [`  and ${rest} more that fell behind`] : []), ""];
}
