import type { LintIssue, LintReport } from "@kilotune/contract";
import {
  guessFormat,
  guessRows,
  type ImageLinter,
  type LintedFile,
  type Linter,
  lintTextRows,
  type RowOfTask,
  type TextTask,
  type TokenCount,
} from "@kilotune/dataset";
import { defineCommand } from "../command.ts";
import { openInput } from "../input-file.ts";
import { IMAGE_FOLDER_FLAG } from "../job-flags.ts";
import { lintImageFile } from "../lint-image-file.ts";
import { labelWords, lintWords } from "../lint-words.ts";
import type { Style, Terminal } from "../terminal/terminal.ts";

export const lint = defineCommand({
  summary: "Say what is wrong with a file of labelled sentences or images, line by line",
  details: "Errors stop a tuning job (exit code 1), warnings don't.",
  positionals: {
    file: {
      value: "FILE",
      count: "one",
      about:
        'JSONL of {"text", "label"}, or of any task of texts, or CSV with a header; "-" is stdin; with --images rows of images, COCO\'s JSON, a zip, YOLO\'s data.yaml or folder',
    },
  },
  flags: {
    validation: {
      kind: "text",
      value: "FILE",
      about: "A second file, checked against the first: leaks, other labels",
    },
    backbone: {
      kind: "text",
      value: "ID",
      about: "Count truncated rows and unknown tokens by its tokenizer",
    },
    images: {
      kind: "choice",
      of: ["classify", "segment", "detect"],
      about: "The rows are of images for this task; opens each of them",
    },
    ...IMAGE_FOLDER_FLAG,
  },
  examples: [
    { line: "kilotune lint examples/support-desk/train.jsonl", purpose: "one file" },
    { line: "kilotune lint train.csv --validation test.csv --json", purpose: "two files, for a program" },
    { line: "kilotune lint cells/train.jsonl --images detect", purpose: "boxes, and the images they lie on" },
  ],
  async run({ file, validation, backbone, images, imageFolder: folder }, terminal) {
    const files = { file, validation };
    if (images === undefined) return lintFiles(files, await textLinter(backbone, terminal), terminal);
    return lintFiles(
      files,
      (name, against?: ImageLinter) =>
        lintImageFile(name, images, terminal, { folder, ...(against && { against, split: "val" }) }),
      terminal,
    );
  },
});

async function lintFiles<L>(
  { file, validation }: { readonly file: string; readonly validation: string | undefined },
  lintOne: LintOne<L>,
  terminal: Terminal,
): Promise<0 | 1> {
  const paint = (style: Style, text: string) => terminal.paint("stdout", style, text);
  const first = await lintOne(file);
  if (validation === undefined) {
    terminal.result(first.report, () =>
      [lintWords(file, first.report, paint), ...labelWords(first.report)].join("\n"),
    );
    return first.report.errors.length > 0 ? 1 : 0;
  }
  const second = await lintOne(validation, first.linter);
  terminal.result(bothReports(file, first.report, validation, second.report), () =>
    [lintWords(file, first.report, paint), lintWords(validation, second.report, paint)].join("\n\n"),
  );
  return first.report.errors.length + second.report.errors.length > 0 ? 1 : 0;
}

/** Lints a file; the second one against the first. */
type LintOne<L> = (file: string, against?: L) => Promise<{ readonly report: LintReport; readonly linter: L }>;

type TextLinter = Linter<RowOfTask[TextTask]>;

/** What the rows are for, the first one of the first file says. */
async function textLinter(backbone: string | undefined, terminal: Terminal) {
  const tokenCount = backbone === undefined ? undefined : await tokenCounter(backbone, terminal);
  let kind: { readonly task: TextTask; readonly pairs: boolean } | undefined;
  return async (file: string, against?: TextLinter): Promise<LintedFile<RowOfTask[TextTask]>> => {
    const format = guessFormat(file);
    const { rows, chunks } = await guessRows(await openInput(file, terminal), format);
    const seen = rows.about === "texts" ? rows : { task: "classification" as const, pairs: false };
    // A second file is held against the first, whatever its own rows look like.
    kind ??= seen;
    return lintTextRows(chunks, {
      format,
      task: kind.task,
      pairs: kind.pairs,
      ...(tokenCount === undefined ? {} : { tokenCount }),
      ...(against === undefined ? {} : { against }),
    });
  };
}

async function tokenCounter(name: string, terminal: Terminal): Promise<TokenCount> {
  const { openBackbone } = await import("../with-backbone.ts");
  const { tokenizer } = await openBackbone(name, terminal);
  return (text) => tokenizer.encode(text);
}

/** Rows and labels are the first file's; each issue says which file it is of. */
function bothReports(file: string, train: LintReport, validationFile: string, validation: LintReport) {
  const issues = (kind: "errors" | "warnings") => [
    ...train[kind].map((issue: LintIssue) => ({ file, ...issue })),
    ...validation[kind].map((issue: LintIssue) => ({ file: validationFile, ...issue })),
  ];
  return {
    rows: train.rows,
    labels: train.labels,
    validation: { rows: validation.rows, labels: validation.labels },
    errors: issues("errors"),
    warnings: issues("warnings"),
  };
}
