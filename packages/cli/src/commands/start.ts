import { createReadStream } from "node:fs";
import path from "node:path";
import { lintFile } from "@kilotune/dataset";
import { renderReport } from "@kilotune/report";
import { createPredictor, type Prediction } from "@kilotune/serving";
import { fileSource, type JobResult, type TextJob } from "@kilotune/worker";
import { defineCommand } from "../command.ts";
import { lintWords } from "../lint-words.ts";
import { prepareOutput, writeWhole } from "../output-file.ts";
import { predictionWords } from "../prediction-words.ts";
import { summaryWords, tuneResult, tuneWithProgress } from "../run-job.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { openBackbone } from "../with-backbone.ts";

export const start = defineCommand({
  summary: "The whole walk on the example that ships with Kilotune; the same as npm start",
  details:
    "Lints a support desk's messages, fetches the backbone once, tunes, writes out/, answers three sentences.",
  positionals: {},
  flags: { quick: { kind: "switch", about: "A few rows and two epochs: shows the way, not the accuracy" } },
  examples: [{ line: "npm start", purpose: "some 90 MB the first time, then two minutes" }],
  async run({ quick }, terminal) {
    const signal = terminal.io.takeInterrupt();
    await prepareOutput(PROMPT);

    step(terminal, 1, "The data: messages to an invented shop's support desk, each with what it is about");
    for (const name of ["train.jsonl", "validation.jsonl", "test.jsonl"]) await lintExample(name, terminal);

    step(terminal, 2, "The backbone: one frozen model that all prompts share, fetched once and verified");
    const backbone = await openBackbone("minilm-l6", terminal, { signal });
    const { id, config, licence } = backbone.manifest;
    terminal.say(`${id}: ${config.layers} layers of ${config.hiddenSize}, ${licence}`);

    step(terminal, 3, "Tuning: a prompt is learnt and compared with baselines on rows it hasn't seen");
    const result = await tuneWithProgress(exampleJob(backbone, quick), terminal, signal);
    terminal.say(summaryWords(result.report, terminal, "stderr"));

    step(terminal, 4, "The report: one HTML file to open in a browser");
    await writeWhole(REPORT, renderReport(result.report));
    terminal.say(REPORT);

    step(terminal, 5, "Three answers from the file just written");
    const answers = await answer(result, backbone);
    for (const [at, prediction] of answers.entries())
      terminal.say(predictionWords(SENTENCES[at]!, prediction, terminal));

    step(terminal, 6, "What to try next");
    const labels = answers.map(({ label, score }, at) => ({ text: SENTENCES[at], label, score }));
    terminal.result({ ...tuneResult(result), report: REPORT, answers: labels }, nextCommands);
    return 0;
  },
});

const PROMPT = path.join("out", "prompt.safetensors");
const REPORT = path.join("out", "report.html");
/** Of the repository, wherever it is called from. */
const DESK = path.join(import.meta.dirname, "..", "..", "..", "..", "examples", "support-desk");

/** In none of the files. The second one is typed in a hurry. */
const SENTENCES = [
  "The lid of the kettle was cracked when I opened the box.",
  "wher is my pakage, it shoud of come on tusday!!",
  "Please pause my coffee subscription until September.",
] as const;

function exampleJob(backbone: TextJob["backbone"], quick: boolean): TextJob {
  const source = (name: string) => fileSource(path.join(DESK, name));
  return {
    backbone,
    title: "Support desk of an invented shop, 14 intents",
    train: source("train.jsonl"),
    validation: source("validation.jsonl"),
    test: source("test.jsonl"),
    otherTests: [source("test-es.jsonl"), source("test-de.jsonl")],
    method: "kv",
    ...(quick ? { shots: 4 } : {}),
    epochs: quick ? 2 : "auto",
    seed: 0,
    out: PROMPT,
    checkpoints: `${PROMPT}.checkpoint`,
    // The job is always the same: one that was interrupted goes on.
    resume: true,
  };
}

async function lintExample(name: string, terminal: Terminal): Promise<void> {
  const { report } = await lintFile(createReadStream(path.join(DESK, name)), { format: "jsonl" });
  terminal.say(lintWords(name, report, (style, text) => terminal.paint("stderr", style, text)));
}

async function answer({ stored }: JobResult, backbone: TextJob["backbone"]): Promise<Prediction[]> {
  const predictor = await createPredictor({ backbone, loadPrompt: async () => stored });
  try {
    return await predictor.classify(SENTENCES.map((text) => ({ text, prompt: stored.id })));
  } finally {
    await predictor.close();
  }
}

function nextCommands(): string {
  const desk = path.relative(".", DESK) || ".";
  return [
    `  npx kilotune classify --prompt ${PROMPT} "i was charged twice for one toaster"`,
    `  npx kilotune classify --prompt ${PROMPT} --json --file ${quoted(path.join(desk, "test.jsonl"))}`,
    `  npx kilotune evaluate --prompt ${PROMPT} ${quoted(path.join(desk, "test.jsonl"))}`,
    `  npx kilotune inspect ${PROMPT}`,
    `  npx kilotune tune ${quoted(path.join(desk, "train.jsonl"))} --shots 10 --out ${path.join("out", "ten-shots.safetensors")}`,
    `  npx kilotune compare ${quoted(path.join(desk, "train.jsonl"))} --test ${quoted(path.join(desk, "test.jsonl"))} --out ${path.join("out", "methods")}`,
    "  npx kilotune --help",
  ].join("\n");
}

/** One word of a shell, whatever folder this is. */
function quoted(file: string): string {
  return /^[\w./-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`;
}

function step(terminal: Terminal, number: number, words: string): void {
  terminal.say(`${number > 1 ? "\n" : ""}${terminal.paint("stderr", "bold", `${number}. ${words}`)}`);
}
