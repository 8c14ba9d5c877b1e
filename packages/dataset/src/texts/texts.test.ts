import type { LintReport } from "@kilotune/contract";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Format } from "../reading.ts";
import { lintTextRows, loadTextRows } from "./lint-text-rows.ts";
import { createTextLinter } from "./text-linter.ts";
import type { RowOfTask, TextTask } from "./text-rows.ts";

describe("rows", () => {
  it("of each task are read as written, from JSONL and where it makes sense from CSV", async () => {
    const text = "שלום 👋🏽 world";
    const rows: Record<Exclude<TextTask, "classification">, unknown[]> = {
      multi_label: [
        { text, labels: ["a", "b", "a"] },
        { text: "t", labels: [] },
      ],
      regression: [{ text, value: -1.5e-3 }],
      tagging: [{ tokens: ["to", "New", "York"], tags: ["O", "B-city", "I-city"] }],
      retrieval: [{ query: text, positive: "p" }],
    };
    expect(await read("multi_label", lines(rows.multi_label))).toEqual([
      { text, labels: ["a", "b"], line: 1 },
      { text: "t", labels: [], line: 2 },
    ]);
    expect(await read("regression", lines(rows.regression))).toEqual([{ text, value: -0.0015, line: 1 }]);
    expect(await read("tagging", lines(rows.tagging))).toEqual([
      {
        text: "to New York",
        tokens: [
          [0, 2],
          [3, 6],
          [7, 11],
        ],
        tags: ["O", "B-city", "I-city"],
        line: 1,
      },
    ]);
    expect(await read("retrieval", lines(rows.retrieval))).toEqual([{ query: text, positive: "p", line: 1 }]);
    expect(await read("multi_label", `labels;text\na | b;${text}\n;t\n`, { format: "csv" })).toEqual([
      { text, labels: ["a", "b"], line: 2 },
      { text: "t", labels: [], line: 3 },
    ]);
    expect(await read("regression", `text,value\n${text},-1.5e-3\n`, { format: "csv" })).toEqual([
      { text, value: -0.0015, line: 2 },
    ]);
    expect(await read("retrieval", `query,positive\n${text},p\n`, { format: "csv" })).toEqual([
      { query: text, positive: "p", line: 2 },
    ]);
  });

  it("of two texts carry both, in every task that has pairs", async () => {
    const pairs = { pairs: true };
    expect(await read("classification", '{"text":"a","text_pair":"b","label":"c"}', pairs)).toEqual([
      { text: "a", textPair: "b", label: "c", line: 1 },
    ]);
    expect(await read("multi_label", '{"text":"a","text_pair":"b","labels":[]}', pairs)).toEqual([
      { text: "a", textPair: "b", labels: [], line: 1 },
    ]);
    const csv = { pairs: true, format: "csv" } as const;
    expect(await read("regression", "value,text_pair,text\n3,b,a\n", csv)).toEqual([
      { text: "a", textPair: "b", value: 3, line: 2 },
    ]);
  });

  it("of tokens find them in a text without blanks", async () => {
    const row = { text: "今日は  雨?", tokens: ["今日", "は", "雨", "?"], tags: ["B-time", "O", "O", "O"] };
    const [read1] = await read("tagging", lines([row]));
    expect(read1?.tokens.map(([start, end]) => row.text.slice(start, end))).toEqual(row.tokens);
  });

  it("of tokens hold each token at its span, whatever the tokens are", async () => {
    const token = fc
      .string({ unit: "grapheme", minLength: 1 })
      .filter((s) => s.trim() !== "" && s.isWellFormed());
    await fc.assert(
      fc.asyncProperty(fc.array(token, { minLength: 1, maxLength: 8 }), async (tokens) => {
        const [row] = await read("tagging", lines([{ tokens, tags: tokens.map(() => "O") }]));
        expect(row?.tokens.map(([start, end]) => row.text.slice(start, end))).toEqual(tokens);
      }),
    );
  });
});

/** A line, and what must be said of it. */
const FAULTS: readonly (readonly [TextTask, unknown, { pairs?: boolean }?])[] = [
  ["multi_label", { text: "t" }],
  ["multi_label", { text: "t", labels: "a" }],
  ["multi_label", { text: "", labels: ["", 3] }],
  ["multi_label", { text: "t", labels: Array(1001).fill("a") }],
  ["classification", { text: "t", label: "a" }, { pairs: true }],
  ["classification", { text: "t", text_pair: " ", label: "a" }, { pairs: true }],
  ["regression", { text: "t" }],
  ["regression", { text: "t", value: "4.5" }],
  ["regression", { text: "t", value: null }],
  ["regression", { text: "t", value: 2e9 }],
  ["regression", '{"text": "t", "value": 1e999}'],
  ["regression", '{"text": "t", "value": NaN}'],
  ["tagging", { tags: ["O"] }],
  ["tagging", { tokens: [], tags: [] }],
  ["tagging", { tokens: ["a", 3], tags: ["O", "O"] }],
  ["tagging", { tokens: ["a", " "], tags: ["O", "O"] }],
  ["tagging", { tokens: ["a\ud83d"], tags: ["O"] }],
  ["tagging", { tokens: ["a", "\u200b\u0007"], tags: ["O", "O"] }],
  ["tagging", { tokens: ["a"] }],
  ["tagging", { tokens: ["a"], tags: [null] }],
  ["tagging", { tokens: ["a", "b"], tags: ["O"] }],
  ["tagging", { tokens: ["a"], tags: ["city"] }],
  ["tagging", { tokens: ["a"], tags: ["S-city"] }],
  ["tagging", { tokens: ["a"], tags: [`B-${"x".repeat(201)}`] }],
  ["tagging", { tokens: ["a", "b"], tags: ["O", "I-city"] }],
  ["tagging", { tokens: ["a", "b"], tags: ["B-time", "I-city"] }],
  ["tagging", { text: "a b", tokens: ["b", "a"], tags: ["O", "O"] }],
  ["tagging", { tokens: Array(50_001).fill("a"), tags: Array(50_001).fill("O") }],
  ["retrieval", { query: "q" }],
  ["retrieval", { query: "", positive: "p" }],
  ["retrieval", { query: "q", positive: "x".repeat(100_001) }],
  ["retrieval", { query: "Where is it?", positive: "where is IT?" }],
];

describe("a fault", () => {
  it("is told with its place, its reason and its remedy", async () => {
    const said: string[] = [];
    for (const [task, row, options] of FAULTS) {
      const line = typeof row === "string" ? row : JSON.stringify(row);
      const { errors, warnings } = await lint(task, line, options);
      const ofRow = [...errors, ...warnings].filter((issue) => issue.line > 0);
      for (const { column, code, message, hint } of ofRow) said.push(`${column} ${code}: ${message} ${hint}`);
      expect(ofRow.length).toBeGreaterThan(0);
    }
    expect(said).toMatchInlineSnapshot(`
      [
        "0 labels_missing: expected "labels", seen none. Write "labels": ["..", ".."], or [] where none fits.",
        "22 labels_not_array: expected "labels" to be an array, seen a string. Write "labels": ["..", ".."], or [] where none fits.",
        "9 text_empty: expected a text with words in it, seen an empty one. Give every row a text, or delete the row.",
        "21 label_empty: expected a label with a name, seen an empty one. Give every row a label, or delete the row.",
        "21 label_not_string: expected "label" to be a string, seen a number. Put it in quotes: "label": "3".",
        "22 labels_too_many: expected at most 1000 labels of one row, seen 1001. Is the text in the labels' place?",
        "0 text_pair_missing: expected a "text_pair", seen none. Give every row a text_pair, or delete the row.",
        "25 text_pair_empty: expected a text with words in it, seen only blanks. Give every row a text_pair, or delete the row.",
        "0 value_missing: expected a "value", seen none. Give every row a number, or delete the row.",
        "21 value_not_number: expected "value" to be a number, seen "4.5". Write a number without quotes and with a decimal point: "value": 4.5.",
        "21 value_not_number: expected "value" to be a number, seen null. Write a number without quotes and with a decimal point: "value": 4.5.",
        "21 value_too_large: expected a value of at most 1000000000, seen 2000000000. Give it in a larger unit, or its logarithm.",
        "24 value_too_large: expected a value of at most 1000000000, seen one beyond what a number can hold. Give it in a larger unit, or its logarithm.",
        "24 bad_json: expected a value, seen "N". JSON knows only true, false and null.",
        "0 tokens_missing: expected "tokens" to be an array, seen none. Write "tokens": ["..", ".."], with as many "tags".",
        "11 tokens_empty: expected at least one token, seen "tokens": []. Delete the row, or give its words.",
        "11 token_not_string: expected tokens to be strings, seen a number as number 2. Put each token in double quotes.",
        "11 token_empty: expected a token with a character in it, seen " " as number 2. Delete the token and its tag.",
        "11 lone_surrogate: expected whole characters in "tokens", seen half of a surrogate pair. The text was cut inside an emoji or a rare letter; export it again.",
        "11 token_invisible: token number 2 holds nothing but control characters, which the backbone does not see. Delete the token and its tag.",
        "0 tags_missing: expected "tags" to be an array, seen none. Write one of "O", "B-name" and "I-name" for each token.",
        "24 tag_not_string: expected tags to be strings, seen null as number 1. Put each tag in double quotes.",
        "28 tags_length: expected 2 tags, one a token, seen 1. Give each token one tag.",
        "24 tag_format: expected "O", "B-name" or "I-name", seen "city" as tag number 1. Write one of "O", "B-name" and "I-name" for each token.",
        "24 tag_format: expected "O", "B-name" or "I-name", seen "S-city" as tag number 1. Write one of "O", "B-name" and "I-name" for each token. BIOES and BILOU are written otherwise: E- and L- as I-, S- and U- as B-.",
        "24 label_too_long: expected a label of at most 200 characters, seen 201: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…". Use a short name; are text and label swapped?",
        "28 tag_transition: expected B-city where a span begins, seen "I-city" behind "O" as tag number 2. Begin each span with B-; files in IOB1 must be converted first.",
        "28 tag_transition: expected B-city where a span begins, seen "I-city" behind a span of "time" as tag number 2. Begin each span with B-; files in IOB1 must be converted first.",
        "24 token_not_in_text: expected the tokens in the order of the text with only blanks between, seen "b" elsewhere. Write tokens as they stand in the text, or leave the text out.",
        "200024 text_too_long: expected a text of at most 100000 characters, seen 100001. Split the text between two spans.",
        "0 positive_missing: expected a "positive", seen none. Give every row a positive, or delete the row.",
        "10 query_empty: expected a text with words in it, seen an empty one. Give every row a query, or delete the row.",
        "25 positive_too_long: expected a text of at most 100000 characters, seen 100001. Split the text, or keep the part that decides the answer.",
        "36 positive_is_query: query and positive are the same text, which teaches nothing. Give a text that answers the query, or delete the row.",
      ]
    `);
  });

  it("of a table is told as well", async () => {
    const said = async (task: TextTask, csv: string, options = {}) =>
      (await lint(task, csv, { format: "csv", ...options })).errors.map(
        ({ line, column, code, message }) => `${line}:${column} ${code}: ${message}`,
      );
    expect(await said("regression", 'text,value\nt,1.5\nt,NaN\nt,\nt,"1,5"\n')).toMatchInlineSnapshot(`
      [
        "0:0 one_value: expected different values, seen only 1.5 in 1 row.",
        "3:3 value_not_number: expected "value" to be a number, seen "NaN".",
        "4:3 value_missing: expected a "value", seen none.",
        "5:3 value_not_number: expected "value" to be a number, seen "1,5".",
      ]
    `);
    expect(await said("classification", "text,label\na,b\n", { pairs: true })).toMatchInlineSnapshot(`
      [
        "1:1 csv_header: expected a header with the columns "text", "text_pair" and "label", seen "text,label".",
      ]
    `);
    expect(await said("tagging", "tokens,tags\na,O\n")).toMatchInlineSnapshot(`
      [
        "0:0 csv_no_table: expected JSONL, seen CSV: a cell can't hold a list of tokens.",
      ]
    `);
  });
});

describe("a whole file", () => {
  it("has something to learn, or the job must not start", async () => {
    const codes = async (task: TextTask, rows: unknown[]) =>
      (await lint(task, lines(rows))).errors.map(({ code }) => code);
    expect(await codes("multi_label", [{ text: "t", labels: [] }])).toEqual(["no_labels"]);
    expect(await codes("multi_label", [{ text: "t", labels: ["a"] }])).toEqual(["label_in_every_row"]);
    expect(
      await codes("multi_label", [
        { text: "t", labels: ["a"] },
        { text: "u", labels: [] },
      ]),
    ).toEqual([]);
    expect(
      await codes("regression", [
        { text: "t", value: 3 },
        { text: "u", value: 3 },
      ]),
    ).toEqual(["one_value"]);
    expect(await codes("tagging", [{ tokens: ["a"], tags: ["O"] }])).toEqual(["no_spans"]);
    expect(await codes("tagging", [{ tokens: ["a"], tags: ["B-x"] }])).toEqual([]);
    expect(
      await codes("retrieval", [
        { query: "a", positive: "p" },
        { query: "b", positive: "p" },
      ]),
    ).toEqual(["one_positive"]);
    for (const task of ["multi_label", "regression", "tagging", "retrieval"] as const)
      expect(await codes(task, [])).toEqual(["empty_file"]);
  });

  it("is told what stands out: classes of one row, outliers, repeats, conflicts", async () => {
    const multi = [
      { text: "one", labels: ["a", "b"] },
      { text: "one", labels: ["b", "a"] },
      { text: "ONE", labels: ["a"] },
      ...Array.from({ length: 60 }, (_, i) => ({ text: `t${i}`, labels: i === 0 ? ["rare"] : ["a"] })),
    ];
    expect(warningsOf(await lint("multi_label", lines(multi)))).toMatchInlineSnapshot(`
      [
        "0 class_single_row: 1 class has a single row, so nothing can be held out to measure: "rare" (1 row).",
        "0 class_few_rows: 1 class has fewer than 5 rows: "b" (2 rows).",
        "0 class_imbalance: the largest class has more than 50 times the rows of the smallest: "a" (62 rows) and "rare" (1 row).",
        "2 duplicate_rows: 1 row repeats the text and label of an earlier one: line 2 (first at line 1).",
        "3 conflicting_labels: lines 1 and 3 hold the same text with different answers.",
      ]
    `);
    const values = Array.from({ length: 300 }, (_, i) => ({ text: `t${i}`, value: i === 299 ? 1e6 : i % 7 }));
    expect(warningsOf(await lint("regression", lines(values)))).toMatchInlineSnapshot(`
      [
        "300 value_outlier: the value 1000000 lies 17 standard deviations from the mean, 3.34e+3.",
      ]
    `);
    const queries = [
      { query: "q", positive: "p" },
      { query: "q", positive: "r" },
      { query: "Q", positive: "p" },
    ];
    expect(warningsOf(await lint("retrieval", lines(queries)))).toMatchInlineSnapshot(`
      [
        "0 few_rows: 3 rows are few: what is held out of them measures next to nothing.",
        "3 duplicate_rows: 1 row repeats the text and label of an earlier one: line 3 (first at line 1).",
      ]
    `);
  });

  it("of validation is compared with the training file", async () => {
    const train = createTextLinter("tagging");
    train.add({ kind: "row", row: tagRow("to Rome", "city") });
    train.add({ kind: "row", row: tagRow("at noon", "time") });
    const validation = createTextLinter("tagging", { against: train });
    validation.add({ kind: "row", row: tagRow("to Rome", "city") });
    validation.add({ kind: "row", row: tagRow("by bus", "means") });
    expect(warningsOf(validation.report())).toMatchInlineSnapshot(`
      [
        "4 label_only_in_validation: 1 label is in the validation file but not in the training file, so all those rows count as wrong: "means" (1 row).",
        "0 label_only_in_train: 1 label is in the training file but not in the validation file, so nothing measures them: "time" (1 row).",
        "3 leak: 1 validation row has the text of a training row, so the accuracy looks better than it is: line 3 (training line 1).",
      ]
    `);
  });

  it("may have thousands of classes, each with a row", async () => {
    const rows = Array.from({ length: 10_001 }, (_, i) => ({ text: `t${i}`, labels: [`l${i}`] }));
    const few = await lint("multi_label", lines(rows.slice(0, 10_000)));
    expect([few.errors, few.labels.size]).toEqual([[], 10_000]);
    expect((await lint("multi_label", lines(rows))).errors.map(({ code }) => code)).toEqual([
      "too_many_labels",
    ]);
  });

  it("of pairs tells the tokenizer of both texts", async () => {
    const seen: unknown[] = [];
    const tokenCount = (...texts: [string, string?]) => {
      seen.push(texts);
      return { tokens: 9, unknown: 0, truncated: false };
    };
    await lint("regression", '{"text":"a","text_pair":"b","value":1}', { pairs: true, tokenCount });
    await lint("retrieval", '{"query":"q","positive":"p"}', { tokenCount });
    expect(seen).toEqual([
      ["a", "b"],
      ["q", undefined],
      ["p", undefined],
    ]);
  });
});

interface Options {
  format?: Format;
  pairs?: boolean;
  tokenCount?: (text: string, pair?: string) => { tokens: number; unknown: number; truncated: boolean };
}

async function read<T extends TextTask>(
  task: T,
  file: string,
  options: Options = {},
): Promise<RowOfTask[T][]> {
  return (await loadTextRows(new TextEncoder().encode(file), { format: "jsonl", task, ...options })).rows;
}

async function lint(task: TextTask, file: string, options: Options = {}): Promise<LintReport> {
  return (await lintTextRows(new TextEncoder().encode(file), { format: "jsonl", task, ...options })).report;
}

function lines(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}

let line = 0;
function tagRow(text: string, name: string): RowOfTask["tagging"] {
  return {
    text,
    tokens: [
      [0, 2],
      [3, text.length],
    ],
    tags: ["O", `B-${name}`],
    line: ++line,
  };
}

function warningsOf({ warnings }: LintReport): string[] {
  return warnings.map(({ line, code, message }) => `${line} ${code}: ${message}`);
}
