import type { LintReport } from "@kilotune/contract";
import { describe, expect, it } from "vitest";
import { lintFile, loadExamples } from "./lint-file.ts";
import { MAX_LABELS } from "./lint-frame.ts";
import { createLinter, type LinterOptions } from "./linter.ts";
import { errorAt } from "./reading.ts";

type Row = readonly [text: string, label: string];

describe("rows that repeat", () => {
  it("counts copies in one warning, names each conflict, and tells blanks, case and Unicode form apart from neither", () => {
    const report = lint([
      ["Where is my card?", "card"],
      ["where  is my CARD? ", "card"],
      ["Where is my card?", "delivery"],
      ["Where is my card?", "delivery"],
      ["caf\u00e9 stra\u00dfe", "card"],
      ["cafe\u0301 STRASSE", "card"],
    ]);
    expect(report.rows).toBe(6);
    expect(messages(report.warnings, "duplicate_rows", "conflicting_labels")).toMatchInlineSnapshot(`
      [
        "2 duplicate_rows: 3 rows repeat the text and label of an earlier one: line 2 (first at line 1), line 4 (first at line 3), line 6 (first at line 5).",
        "3 conflicting_labels: lines 1 and 3 hold the same text with the labels "card" and "delivery".",
      ]
    `);
  });

  it("lists the first five copies", () => {
    const report = lint(
      Array.from({ length: 40 }, (_, i) => [`t${i % 2}`, i % 2 === 0 ? "a" : "b"] as const),
    );
    expect(messages(report.warnings, "duplicate_rows")).toMatchInlineSnapshot(`
      [
        "3 duplicate_rows: 38 rows repeat the text and label of an earlier one: line 3 (first at line 1), line 4 (first at line 2), line 5 (first at line 1), line 6 (first at line 2), line 7 (first at line 1) and so on.",
      ]
    `);
  });

  it("keeps 50,000 different texts apart", () => {
    const report = lint(Array.from({ length: 50_000 }, (_, i) => [`row ${i}`, `l${i % 10}`] as const));
    expect(report.warnings).toEqual([]);
  });
});

describe("labels", () => {
  it("warns of spellings that differ in case, blanks or Unicode form, with counts", () => {
    const report = lint([
      ...many("Refund", 7),
      ...many("refund", 6),
      ...many("card ", 5),
      ...many("card", 9),
      ...many("caf\u00e9", 5),
      ...many("cafe\u0301", 5),
      ...many(" padded", 5),
    ]);
    expect(messages(report.warnings, "label_spelling", "label_padded")).toMatchInlineSnapshot(`
      [
        "8 label_spelling: the labels "Refund" (7 rows) and "refund" (6 rows) differ only in case, yet count as 2 classes.",
        "19 label_spelling: the labels "card " (5 rows) and "card" (9 rows) differ only in outer blanks, yet count as 2 classes.",
        "33 label_spelling: the labels "café" (5 rows) and "cafe\\u0301" (5 rows) differ only in Unicode form, yet count as 2 classes.",
        "38 label_padded: the label " padded" (5 rows) has blanks around it, which are part of its name.",
      ]
    `);
  });

  it("keeps classes named like object properties apart", () => {
    const report = lint([...many("__proto__", 5), ...many("constructor", 6), ...many("toString", 7)]);
    expect([...report.labels]).toEqual([
      ["__proto__", 5],
      ["constructor", 6],
      ["toString", 7],
    ]);
    expect(report.errors).toEqual([]);
  });

  it("refuses a single class and no rows at all", () => {
    expect(codes(lint([...many("a", 9)]).errors)).toEqual(["one_class"]);
    expect(codes(lint([]).errors)).toEqual(["no_rows"]);
  });

  it("says nothing of missing rows where bad lines are the reason", () => {
    const linter = createLinter();
    linter.add(errorAt({ line: 1, column: 1 }, "bad_json", "", ""));
    expect(codes(linter.report().errors)).toEqual(["bad_json"]);
  });

  it("warns of small classes and of imbalance, and takes two rows a class (mindsdb_native#525)", () => {
    const report = lint([
      ...many("a", 201),
      ...many("b", 1),
      ...many("c", 4),
      ...many("d", 2),
      ...many("e", 5),
    ]);
    expect(report.errors).toEqual([]);
    expect(messages(report.warnings)).toMatchInlineSnapshot(`
      [
        "0 class_single_row: 1 class has a single row, so nothing can be held out to measure: "b" (1 row).",
        "0 class_few_rows: 2 classes have fewer than 5 rows: "c" (4 rows) and "d" (2 rows).",
        "0 class_imbalance: the largest class has more than 50 times the rows of the smallest: "a" (201 rows) and "b" (1 row).",
      ]
    `);
    expect(lint([...many("a", 2), ...many("b", 2)]).errors).toEqual([]);
    expect(codes(lint([...many("a", 250), ...many("b", 5)]).warnings)).toEqual([]);
  });

  it("stops counting labels where every text is one", () => {
    const report = lint(Array.from({ length: MAX_LABELS + 5 }, (_, i) => ["t", `label ${i}`] as const));
    expect(codes(report.errors)).toEqual(["too_many_labels"]);
    expect(report.errors[0]?.line).toBe(MAX_LABELS + 1);
    expect(report.labels.size).toBe(MAX_LABELS);
  });
});

describe("a validation file", () => {
  it("counts leaks and names labels that only one of the files has (Few-Shot-Intent-Detection#7)", () => {
    const train = createLinter();
    addAll(train, [...many("a", 5), ...many("b", 5), ...many("only train", 5), ["Shared text", "a"]]);
    const report = lint(
      [
        ["shared  TEXT", "b"],
        ["new", "a"],
        ["x", "only validation"],
        ["a 1", "a"],
      ],
      { against: train },
    );
    expect(report.errors).toEqual([]);
    expect(messages(report.warnings)).toMatchInlineSnapshot(`
      [
        "3 label_only_in_validation: 1 label is in the validation file but not in the training file, so all those rows count as wrong: "only validation" (1 row).",
        "0 label_only_in_train: 1 label is in the training file but not in the validation file, so nothing measures them: "only train" (5 rows).",
        "1 leak: 1 validation row has the text of a training row, so the accuracy looks better than it is: line 1 (training line 16).",
      ]
    `);
  });

  it("may hold one class, and few rows", () => {
    const train = createLinter();
    addAll(train, [...many("a", 5), ...many("b", 5)]);
    const report = lint([["new", "a"]], { against: train });
    expect(report.errors).toEqual([]);
    expect(codes(report.warnings)).toEqual(["label_only_in_train"]);
  });
});

describe("the backbone's tokenizer", () => {
  const tokenCount = (text: string) => {
    const words = text.split(" ");
    return {
      tokens: words.length,
      unknown: words.filter((word) => word === "?").length,
      truncated: words.length > 100,
    };
  };

  it("reports rows that will be cut (known fault 72, sentence-transformers#4060) and the share of unknown tokens", () => {
    const rows: Row[] = [
      ...many("a", 5),
      ...many("b", 5),
      ["w ".repeat(600).trim(), "a"],
      [`${"w ".repeat(100)}${"? ".repeat(50)}`.trim(), "b"],
    ];
    expect(messages(lint(rows, { tokenCount }).warnings)).toMatchInlineSnapshot(`
      [
        "11 rows_truncated: 2 of 12 rows are longer than the backbone reads and will be cut (the longest is line 11 with 600 tokens).",
        "12 unknown_tokens: 6.3 % of the tokens (50 of 790) are unknown to the backbone.",
      ]
    `);
  });

  it("says nothing where all is read", () => {
    expect(lint([...many("a", 5), ...many("b", 5)], { tokenCount }).warnings).toEqual([]);
  });
});

describe("a report", () => {
  it("lists the first issues and counts the rest", () => {
    const linter = createLinter({ maxIssues: 2 });
    for (let line = 1; line <= 9; line++) linter.add(errorAt({ line, column: 1 }, "bad_json", "bad", "mend"));
    const { errors } = linter.report();
    expect(codes(errors)).toEqual(["bad_json", "bad_json", "more_errors"]);
    expect(errors[2]?.message).toBe("7 more errors not listed.");
  });

  it("is as short where the labels are what is amiss", () => {
    const rows = Array.from({ length: 30 }, (_, i) => many(` padded ${i}`, 5)).flat();
    const { warnings } = lint(rows, { maxIssues: 3 });
    expect(codes(warnings)).toEqual(["label_padded", "label_padded", "label_padded", "more_warnings"]);
    expect(warnings[3]?.message).toBe("27 more warnings not listed.");
  });

  it("is the same when asked for twice, and grows when rows are added", () => {
    const linter = createLinter();
    addAll(linter, [...many("a", 3), ...many("b", 1)]);
    const first = linter.report();
    expect(linter.report()).toEqual(first);
    addAll(linter, [["more", "b"]]);
    expect(linter.report().labels.get("b")).toBe(2);
    expect(first.labels.get("b")).toBe(1);
  });
});

describe("lintFile and loadExamples", () => {
  const bytes = new TextEncoder().encode('{"text":"a","label":"x"}\n{"text":"b"}\n{"text":"c","label":"y"}');

  it("give one report; loadExamples the rows as well", async () => {
    const linted = await lintFile(bytes, { format: "jsonl" });
    const loaded = await loadExamples(bytes, { format: "jsonl" });
    expect(loaded.report).toEqual(linted.report);
    expect(codes(loaded.report.errors)).toEqual(["label_missing"]);
    expect(loaded.rows).toEqual([
      { text: "a", label: "x", line: 1 },
      { text: "c", label: "y", line: 3 },
    ]);
  });

  it("pass the training file's linter on", async () => {
    const { linter } = await lintFile(bytes, { format: "jsonl" });
    const { report } = await lintFile(bytes, { format: "jsonl", against: linter });
    expect(codes(report.warnings)).toContain("leak");
  });
});

function lint(rows: readonly Row[], options?: LinterOptions): LintReport {
  const linter = createLinter(options);
  addAll(linter, rows);
  return linter.report();
}

function addAll(linter: ReturnType<typeof createLinter>, rows: readonly Row[]): void {
  for (const [i, [text, label]] of rows.entries())
    linter.add({ kind: "row", row: { text, label, line: i + 1 } });
}

/** Rows of one label and different texts. */
function many(label: string, rows: number): Row[] {
  return Array.from({ length: rows }, (_, i) => [`${label} ${i} of ${rows}`, label] as const);
}

function codes(issues: LintReport["errors"]): string[] {
  return issues.map(({ code }) => code);
}

function messages(issues: LintReport["errors"], ...only: string[]): string[] {
  return issues
    .filter(({ code }) => only.length === 0 || only.includes(code))
    .map(({ line, code, message }) => `${line} ${code}: ${message}`);
}
