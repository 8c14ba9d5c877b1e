import type { TextTask } from "@kilotune/dataset";
import {
  type Evaluation,
  type FiguresEvaluation,
  mainFigure,
  type ReportFindings,
  type ScopeEvaluation,
  type Score,
} from "@kilotune/contract";
import { readPromptFile } from "@kilotune/prompt/node";
import { evaluateImagePrompt, evaluateTextPrompt, fileSource, imagesAt } from "@kilotune/worker";
import { assertStartsAsData } from "../check-data.ts";
import { defineCommand } from "../command.ts";
import { assertReadable } from "../input-file.ts";
import { IMAGE_FOLDER_FLAG } from "../job-flags.ts";
import { jobProgress } from "../job-progress.ts";
import { backboneFor, noteOtherPrecision, precisionOf } from "../prompt-backbone.ts";
import { oneLine } from "../terminal/printable.ts";
import { table } from "../terminal/table.ts";
import { percent } from "../terminal/units.ts";
import { usageError } from "../usage-error.ts";
import { openBackbone, openVision, precisionFlag } from "../with-backbone.ts";

export const evaluate = defineCommand({
  summary: "Measure a prompt on a file of labelled sentences",
  positionals: {
    test: {
      value: "TEST",
      count: "one",
      about:
        'JSONL of {"text", "label"}, or of the task of the prompt, or CSV with a header; rows of images where the prompt is one',
    },
  },
  flags: {
    prompt: { kind: "texts", value: "FILE", required: true, about: "The prompt; once" },
    backbone: {
      kind: "text",
      value: "ID|FOLDER",
      about: "The one that the prompt was tuned on; the prompt's own else",
    },
    ...IMAGE_FOLDER_FLAG,
    precision: { ...precisionFlag, about: "Of the backbone; the one that the prompt was measured in else" },
  },
  examples: [
    {
      line: "kilotune evaluate --prompt out/prompt.safetensors examples/support-desk/test.jsonl",
      purpose: "accuracy, macro F1, every class",
    },
    {
      line: "kilotune evaluate --prompt out/prompt.safetensors test.jsonl --precision int8",
      purpose: "what 8 bits cost a prompt that was tuned in fp32",
    },
  ],
  async run(
    { prompt: [file = "", ...others], backbone: asked, precision: wanted, imageFolder, test },
    terminal,
  ) {
    if (others.length > 0)
      throw usageError("evaluate", "--prompt is given more than once", "Measure one prompt at a time.");
    const stored = await readPromptFile(file);
    const { manifest } = stored.prompt;
    if ("input" in manifest && manifest.input === "image") {
      await assertReadable(test, { folders: true });
      const backbone = await openVision(backboneFor(manifest, asked), terminal);
      const source = await imagesAt(test, "test", imageFolder);
      const onEvent = jobProgress(terminal);
      const { score, findings } = await evaluateImagePrompt({ backbone, stored, test: source, onEvent });
      terminal.result(imageFigures(score, findings, stored.id), () => imageWords(score, findings));
      return 0;
    }
    const pairs = "input" in manifest && manifest.input === "text_pair";
    const task = manifest.task as TextTask;
    await assertStartsAsData(test, terminal, { task, pairs });
    const precision = wanted ?? precisionOf(manifest);
    const backbone = await openBackbone(backboneFor(manifest, asked), terminal, { precision });
    noteOtherPrecision(file, manifest, precision, terminal);
    const { score, findings, unknownLabels } = await evaluateTextPrompt({
      backbone,
      stored,
      test: fileSource(test),
      onEvent: jobProgress(terminal),
    });
    if (findings.task !== undefined && findings.task !== "classification") {
      const { evaluation } = findings as { evaluation: FiguresEvaluation };
      const told = {
        ...score,
        tables: evaluation.tables.map(({ title, columns, rows }) => ({ title, columns, rows })),
      };
      terminal.result({ ...told, unknownLabels, prompt: stored.id, precision }, () =>
        figureWords(evaluation, unknownLabels),
      );
      return 0;
    }
    const { evaluation, calibration, scope } = findings;
    const { rows, accuracy, macroF1, labels, confusion, perClass } = evaluation;
    const { expectedCalibrationError } = calibration;
    const figures = { rows, accuracy, macroF1, labels, confusion, perClass, expectedCalibrationError };
    const told = { ...figures, ...(scope && { scope }), unknownLabels, prompt: stored.id, precision };
    terminal.result(told, () => evaluationWords(evaluation, unknownLabels, scope));
    return 0;
  },
});

/** Without its pictures. */
function imageFigures(score: Score, { evaluation }: ReportFindings, prompt: string) {
  const { perClass } = evaluation as { perClass?: readonly object[] };
  return { ...score, ...(perClass && { perClass: perClass.map((each) => ({ ...each })) }), prompt };
}

function imageWords(score: Score, findings: ReportFindings): string {
  if (findings.task === undefined || findings.task === "classification")
    return evaluationWords(findings.evaluation, new Map());
  const figures = "figures" in score ? Object.entries(score.figures) : [];
  const { interval } = mainFigure(score);
  const words = figures.map(([name, value]) => `${name} ${percent(value)}`);
  return `${words.join(", ")} on ${score.rows} images; 95 % interval of the first ${percent(interval[0])} to ${percent(interval[1])}`;
}

/** Of a task whose figures are told in tables. */
function figureWords(
  { rows, figures, tables, mistakes }: FiguresEvaluation,
  unknownLabels: ReadonlyMap<string, number>,
): string {
  const cell = (value: string | number | null) =>
    typeof value === "string"
      ? oneLine(value, 40)
      : value === null || Number.isInteger(value)
        ? String(value ?? "")
        : value.toFixed(3);
  return [
    `${figures.map(({ name, value }) => `${name} ${value.toFixed(3)}`).join(", ")} on ${rows} rows`,
    ...unknownWords(unknownLabels),
    ...tables.flatMap(({ columns, rows: lines }) => [
      "",
      ...table(
        [[...columns], ...lines.map((line) => line.map(cell))],
        columns.map((_, at) => (at === 0 ? "left" : "right")),
      ),
    ]),
    ...(mistakes.length > 0 ? ["", "the worst mistakes"] : []),
    ...mistakes
      .slice(0, 5)
      .map(
        ({ text, wanted, given }) =>
          `  ${oneLine(given, 40)} for ${oneLine(wanted, 40)}: ${oneLine(text, 100)}`,
      ),
  ].join("\n");
}

function unknownWords(unknownLabels: ReadonlyMap<string, number>, isWrong = true): string[] {
  const unknown = [...unknownLabels].map(([label, count]) => `${oneLine(label, 60)} (${count})`);
  return unknown.length === 0
    ? []
    : [
        `labels that the prompt doesn't know, ${isWrong ? "counted as wrong" : "so none of its labels'"}: ${unknown.join(", ")}`,
      ];
}

/** Of a prompt that says what is none of its labels'. */
function scopeWords({ rows, auroc, kept, found }: ScopeEvaluation): string[] {
  const inside = kept === null ? [] : [`kept ${percent(kept)} of ${rows.inScope} rows of its labels`];
  const outside = found === null ? [] : [`told ${percent(found)} of ${rows.outside} others`];
  return [`${[...inside, ...outside].join(", ")}${auroc === null ? "" : `; AUROC ${auroc.toFixed(3)}`}`];
}

function evaluationWords(
  evaluation: Evaluation,
  unknownLabels: ReadonlyMap<string, number>,
  scope?: ScopeEvaluation,
): string {
  const { rows, accuracy, macroF1, perClass, mistakes } = evaluation;
  return [
    `accuracy ${percent(accuracy)}, macro F1 ${percent(macroF1)} on ${rows} rows`,
    ...unknownWords(unknownLabels, scope === undefined),
    ...(scope === undefined ? [] : scopeWords(scope)),
    "",
    ...table(
      [
        ["label", "rows", "precision", "recall", "F1"],
        ...perClass.map(({ label, support, precision, recall, f1 }) => [
          oneLine(label, 40),
          String(support),
          percent(precision),
          percent(recall),
          percent(f1),
        ]),
      ],
      ["left", "right", "right", "right", "right"],
    ),
    ...(mistakes.length > 0 ? ["", "the surest mistakes"] : []),
    ...mistakes
      .slice(0, 5)
      .map(
        ({ text, label, predicted, score }) =>
          `  ${oneLine(predicted, 40)} (${percent(score)}) for ${oneLine(label, 40)}: ${oneLine(text, 100)}`,
      ),
  ].join("\n");
}
