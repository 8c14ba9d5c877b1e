import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EXCERPT_LENGTH } from "./excerpt.ts";
import { lintFile } from "./lint-file.ts";
import { FIXTURES } from "./read-examples.fixtures.ts";
import { guessFormat, readExamples } from "./read-examples.ts";
import type { Reading } from "./reading.ts";

describe("readExamples", () => {
  it.each(FIXTURES)("$name", async ({ bytes, format, rows, findings }) => {
    const readings = await collect(readExamples(bytes, { format }));
    expect(readings.flatMap((reading) => (reading.kind === "row" ? [written(reading)] : []))).toEqual(rows);
    expect(readings.flatMap((reading) => (reading.kind === "row" ? [] : [written(reading)]))).toEqual(
      findings,
    );
  });

  it.each(FIXTURES)("$name: the same report however the bytes are cut", async ({ bytes, format }) => {
    const whole = await lintFile(bytes, { format });
    const small = bytes.length < 5000;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: small ? 9 : 70_000 }), { minLength: 1, maxLength: 20 }),
        async (sizes) => {
          fc.pre(sizes.some((size) => size > (small ? 0 : 1000)));
          expect((await lintFile(cut(bytes, sizes), { format })).report).toEqual(whole.report);
        },
      ),
      { numRuns: small ? 30 : 5 },
    );
  });

  it("never echoes more than 40 characters of the file", async () => {
    const secret = fc.string({
      minLength: EXCERPT_LENGTH + 1,
      maxLength: 300,
      unit: fc.constantFrom(..."abcdefgh"),
    });
    const place = fc.constantFrom(
      (s: string) => `{"text":"${s}"${s}`,
      (s: string) => `{"${s}":1,"${s}":2}`,
      (s: string) => `${s}`,
      (s: string) => `{"text":"a","label":"${s}"}`,
      (s: string) => `"${s}"`,
    );
    await fc.assert(
      fc.asyncProperty(
        secret,
        place,
        fc.constantFrom("jsonl" as const, "csv" as const),
        async (text, line, format) => {
          const { report } = await lintFile(new TextEncoder().encode(line(text)), { format });
          for (const { message, hint } of [...report.errors, ...report.warnings]) {
            expect(message + hint).not.toContain(text.slice(0, EXCERPT_LENGTH + 1));
          }
        },
      ),
    );
  });

  it("reads back every row that a JSON or CSV writer wrote", async () => {
    const text = fc
      .string({ unit: "grapheme", minLength: 1 })
      .filter((s) => s.trim() !== "" && !s.includes("\0") && s.isWellFormed());
    const label = text.filter((s) => !/[\p{Cc}]/u.test(s));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ text, label }), { minLength: 1, maxLength: 8 }), async (rows) => {
        const asJson = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
        const asCsv = `label,text\n${rows.map((row) => `${quoted(row.label)},${quoted(row.text)}\n`).join("")}`;
        expect(await rowsOf(asJson, "jsonl")).toEqual(rows);
        // CSV's line ends are read as LF.
        expect(await rowsOf(asCsv, "csv")).toEqual(
          rows.map((row) => ({ ...row, text: row.text.replace(/\r\n?/g, "\n") })),
        );
      }),
    );
  });

  it("refuses a 2 GB line as soon as the cap is passed", async () => {
    for (const format of ["jsonl", "csv"] as const) {
      let pulled = 0;
      let closed = false;
      async function* endless() {
        try {
          for (; pulled < 2 ** 31; pulled += 65_536) yield new Uint8Array(65_536).fill(0x61);
        } finally {
          closed = true;
        }
      }
      const readings = await collect(readExamples(endless(), { format }));
      expect(readings.map(written)).toEqual(["line_too_long 1:1048577"]);
      expect(pulled).toBeLessThanOrEqual(17 * 65_536);
      expect(closed).toBe(true);
    }
  });

  it("refuses a quote left open in a 2 GB CSV within 1 MiB", async () => {
    let pulled = 0;
    function* endless() {
      yield new TextEncoder().encode('text,label\n"');
      for (; pulled < 2 ** 31; pulled += 65_536) yield new Uint8Array(65_536).fill(0x61).fill(0x0a, 65_535);
    }
    const readings = await collect(readExamples(endless(), { format: "csv" }));
    expect(readings.map(written)).toEqual(["csv_quote_open 2:1"]);
    expect(pulled).toBeLessThanOrEqual(17 * 65_536);
  });

  it("names a hundred unknown keys and counts the others", async () => {
    const keys = Array.from({ length: 150 }, (_, i) => `"k${i}":1`).join(",");
    const readings = await collect(
      readExamples(new TextEncoder().encode(`{"text":"a","label":"b",${keys}}`), { format: "jsonl" }),
    );
    expect(readings).toHaveLength(1 + 100 + 1);
    expect(readings.at(-1)).toMatchObject({
      issue: { code: "unknown_key", message: expect.stringContaining("seen 50 times") },
    });
  });

  it("says what was expected, what was seen and what to do", async () => {
    const bytes = new TextEncoder().encode(
      '{"text":"say "hi"","label":"a"}\n{"text":" ","label":3}\n{"text":"a","label":"b"',
    );
    const issues = (await collect(readExamples(bytes, { format: "jsonl" }))).map((reading) =>
      reading.kind === "row" ? "" : `${reading.issue.message} ${reading.issue.hint}`,
    );
    expect(issues).toMatchInlineSnapshot(`
      [
        "expected "," or "}", seen "h". A quote inside a string is written \\"; between two keys stands a comma.",
        "expected a text with words in it, seen only blanks. Give every row a text, or delete the row.",
        "expected "label" to be a string, seen a number. Put it in quotes: "label": "3".",
        "the file ends inside a row, expected "," or "}". The file was cut: copy or export it again.",
      ]
    `);
  });
});

describe("guessFormat", () => {
  it.each([
    ["data.CSV", "csv"],
    ["data.tsv", "csv"],
    ["csv.jsonl", "jsonl"],
    ["data", "jsonl"],
  ])("%s is %s", (name, format) => expect(guessFormat(name)).toBe(format));
});

function written(reading: Reading): string {
  if (reading.kind === "row") return `${reading.row.text}|${reading.row.label}@${reading.row.line}`;
  const { code, line, column } = reading.issue;
  return `${reading.kind === "warning" ? "~" : ""}${code} ${line}:${column}`;
}

function* cut(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    yield bytes.slice(at, at + size);
    at += size;
  }
}

function quoted(field: string): string {
  return `"${field.replaceAll('"', '""')}"`;
}

async function rowsOf(file: string, format: "jsonl" | "csv") {
  const readings = await collect(readExamples(new TextEncoder().encode(file), { format }));
  return readings.map((reading) =>
    reading.kind === "row" ? { text: reading.row.text, label: reading.row.label } : reading,
  );
}

/** `Array.fromAsync`, which ES2024 does not have yet. */
async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
