import { mkdir } from "node:fs/promises";
import { bestCompared, judgedBy, KilotuneError, mainFigure } from "@kilotune/contract";
import { renderReport, terminalComparison } from "@kilotune/report";
import {
  COMPARED,
  type ComparedName,
  type CompareResult,
  fileSource,
  leavesFile,
  runComparison,
} from "@kilotune/worker";
import { nearest } from "../args/nearest.ts";
import { assertStartsAsData } from "../check-data.ts";
import { defineCommand } from "../command.ts";
import { assertRereadable } from "../input-file.ts";
import { EPOCHS_FLAG, FOLDS_FLAG, OUTPUT_FLAGS, SHOTS_FLAG, TEST_FLAG } from "../job-flags.ts";
import { jobProgress } from "../job-progress.ts";
import { prepareOutput, writeWhole } from "../output-file.ts";
import { PROMPT_FLAGS, readInit, readReparam } from "../prompt-init.ts";
import { takeStop } from "../run-job.ts";
import { oneLine, printable } from "../terminal/printable.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { percent } from "../terminal/units.ts";
import { recogniseRows } from "../text-task.ts";
import { usageError } from "../usage-error.ts";
import { openBackbone, precisionFlag } from "../with-backbone.ts";

/** Full tuning has a flag of its own: nobody should wait for it by accident. */
const METHODS = COMPARED.filter((name) => name !== "full");

export const compare = defineCommand({
  summary: "Measure prompt engineering, few-shot and tuning side by side on the same rows",
  details:
    "zero-shot     the nearest label name: nothing is learnt, no row is needed\n" +
    "few-shot      the nearest training rows vote: nothing is learnt, the vectors of all rows are stored\n" +
    "linear-probe  a linear head on the frozen backbone: the quickest to learn\n" +
    "soft          virtual tokens in front of the text: the smallest prompt, the slowest to learn\n" +
    "kv            key/value prefixes in the upper layers: what `kilotune tune` does unless told otherwise\n" +
    "deep          virtual tokens replaced at each of those layers, stored as the prefixes that they are\n" +
    "lora          low-rank products on queries and values of the upper layers\n" +
    "bias          numbers added to the biases of the upper layers\n" +
    "full          (--with-full-tuning) all weights: minutes to hours, and a model a tenant\n\n" +
    "The best is told by held-out rows, with --folds by all folds together; test rows choose nothing. --folds does without --test.\n" +
    "--init and --reparam are of kv, soft and deep, --init prompt:FILE of that prompt's own method; the rest is learnt as without.\n" +
    "--out keeps each prompt and each method's figures as soon as they are there: after Ctrl-C or a crash the same command with\n" +
    "--resume goes on from them.",
  positionals: {
    train: {
      value: "TRAIN",
      count: "one",
      about: 'JSONL of {"text", "label"}, with "text_pair" for pairs, or CSV with a header',
    },
  },
  flags: {
    test: { ...TEST_FLAG.test, about: `${TEST_FLAG.test.about}; needed without --folds` },
    validation: {
      kind: "text",
      value: "FILE",
      about: "Rows that choose epochs and the best; else a part of TRAIN",
    },
    methods: {
      kind: "text",
      value: "NAME,NAME",
      about: "Some of those above",
      default: METHODS.join(","),
    },
    "with-full-tuning": { kind: "switch", about: "full besides; up to 50 million weights, in fp32" },
    backbone: { kind: "text", value: "ID|FOLDER", about: "The frozen model", default: "minilm-l6" },
    precision: { ...precisionFlag, about: `The model's; ${precisionFlag.about}`, default: "fp32" },
    ...PROMPT_FLAGS,
    ...SHOTS_FLAG,
    ...FOLDS_FLAG,
    epochs: { ...EPOCHS_FLAG.epochs, about: "Most epochs of each method" },
    seed: OUTPUT_FLAGS.seed,
    out: { kind: "text", value: "FOLDER", about: "A folder to make", default: "./comparison" },
    report: OUTPUT_FLAGS.report,
    resume: { kind: "switch", about: "Go on from what the very same comparison left in --out" },
  },
  examples: [
    {
      line: "kilotune compare examples/support-desk/train.jsonl --test examples/support-desk/test.jsonl --report out/methods.html",
      purpose: "seven methods, some minutes",
    },
    {
      line: "kilotune compare train.jsonl --test test.jsonl --shots 10 --methods few-shot,kv --out out/few",
      purpose: "two of them on ten rows a class",
    },
    {
      line: "kilotune compare train.jsonl --folds 5 --report out/methods.html",
      purpose: "no row to spare for a test: each fifth is measured by what learnt from the rest",
    },
  ],
  async run(args, terminal) {
    const { train, test, validation, shots, folds, seed, out, report, resume } = args;
    if (test === undefined && folds === undefined)
      throw usageError(
        "compare",
        "--test is missing",
        "Name a file of labelled rows for the figures, or say --folds 5.",
      );
    const methods = methodsOf(args.methods, args.withFullTuning);
    if (report !== undefined && !methods.some(leavesFile))
      throw usageError(
        "compare",
        "--report tells of the best prompt beside the table, and none of these methods leaves one",
        "Add linear-probe, soft, kv, lora or bias to --methods.",
      );
    if (args.withFullTuning && args.precision !== "fp32")
      throw usageError("compare", "--with-full-tuning is of a model in fp32", "Leave one of them out.");
    const files = [train, validation, test].filter((file) => file !== undefined);
    // Each method reads them for itself.
    for (const file of files) await assertRereadable(file);
    const rows = await recogniseRows(train, terminal);
    const pairs = rows?.about === "texts" && rows.pairs;
    for (const file of files) await assertStartsAsData(file, terminal, { task: "classification", pairs });
    const init = await readInit("compare", args.init);
    const reparam = readReparam("compare", args.reparam);
    await prepareFolder(out);
    if (report !== undefined) await prepareOutput(report);
    const signal = takeStop(terminal);
    const backbone = await openBackbone(args.backbone, terminal, { signal, precision: args.precision });
    const result = await runComparison(
      {
        backbone,
        train: fileSource(train),
        ...(validation === undefined ? {} : { validation: fileSource(validation) }),
        ...(test === undefined ? {} : { test: fileSource(test) }),
        methods,
        ...(init && { init }),
        ...(reparam && { reparam }),
        ...(shots === undefined ? {} : { shots }),
        ...(folds === undefined ? {} : { folds }),
        epochs: args.epochs as number | "auto",
        seed,
        folder: out,
        resume,
      },
      {
        onEvent: jobProgress(terminal),
        onMethod({ title, test: tested, crossValidated = null }, { at, of, known }) {
          const [score, where] =
            test === undefined ? [crossValidated, "all folds' rows"] : [tested, "the test rows"];
          const figure = score === null ? "no figure" : `${percent(mainFigure(score).value)} of ${where}`;
          terminal.say(`${at} of ${of}: ${title}, ${figure}${known ? " (measured before)" : ""}`);
        },
        signal,
        clock: terminal.io.clock,
      },
    );
    terminal.endProgress();
    if (report !== undefined && result.report !== undefined)
      await writeWhole(report, renderReport(result.report));
    terminal.result(printed(result), () => words(result, report, terminal));
    return 0;
  },
});

/** @throws KilotuneError `usage` */
function methodsOf(list: string, withFullTuning: boolean): ComparedName[] {
  const names = list.split(",").map((name) => name.trim());
  const known = new Set<string>(METHODS);
  const strange = names.find((name) => !known.has(name));
  if (strange === "full")
    throw usageError("compare", "--methods: full takes long", "Say --with-full-tuning instead.");
  if (strange !== undefined) {
    const meant = nearest(strange, METHODS);
    throw usageError(
      "compare",
      `--methods: no method "${printable(strange, 60)}"`,
      meant === undefined ? `Methods: ${METHODS.join(", ")}.` : `Did you mean ${meant}?`,
    );
  }
  return [...(names as ComparedName[]), ...(withFullTuning ? (["full"] as const) : [])];
}

async function prepareFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    if (!["EEXIST", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    throw new KilotuneError(
      "not_a_folder",
      `${printable(folder, 500)}: expected a folder, or a place for one, but saw a file.`,
      "Name another folder by --out.",
      { cause: error },
    );
  }
}

function printed({ methods, files }: CompareResult) {
  return {
    methods: methods.map((method) => ({ ...method, path: files[method.name as ComparedName] ?? null })),
    best: bestCompared(methods)?.name ?? null,
  };
}

function words({ methods, files }: CompareResult, report: string | undefined, terminal: Terminal): string {
  const color = terminal.paint("stdout", "bold", "x") !== "x";
  const best = bestCompared(methods);
  const score = best && judgedBy(best);
  const { folds } = best?.crossValidated ?? {};
  const prompts = Object.values(files).map((file) => oneLine(file, 300));
  return [
    terminalComparison(methods, { color, width: terminal.columns }),
    "",
    score
      ? `▸ the best on ${score.rows} held-out rows${folds === undefined ? "" : `, in ${folds} folds`}`
      : "No row could be held out, so nothing tells which is the best.",
    ...(prompts.length === 0 ? [] : [`Prompts: ${prompts.join(", ")}`]),
    ...(report === undefined ? [] : [`Report: ${report}`]),
  ].join("\n");
}
