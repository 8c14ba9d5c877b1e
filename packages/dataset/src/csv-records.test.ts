import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { expect, it } from "vitest";
import { csvRecords } from "./csv-records.ts";
import { decodeLines } from "./decode-lines.ts";

it("gives the place of every field and the line of every record", async () => {
  expect(await records('a,"b\nc",d\n"e",f\n')).toEqual([
    {
      kind: "record",
      line: 1,
      terminated: true,
      fields: [
        { value: "a", place: { line: 1, column: 1 } },
        { value: "b\nc", place: { line: 1, column: 3 } },
        { value: "d", place: { line: 2, column: 4 } },
      ],
    },
    {
      kind: "record",
      line: 3,
      terminated: true,
      fields: [
        { value: "e", place: { line: 3, column: 1 } },
        { value: "f", place: { line: 3, column: 5 } },
      ],
    },
  ]);
});

it("agrees with csv-parse on files of quotes, separators and line ends", async () => {
  let judged = 0;
  const file = fc.string({
    unit: fc.constantFrom('"', ",", "\n", "a", "b", " ", '""', '","', '"\n"'),
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(file, async (text) => {
      const expected = byCsvParse(text);
      if (expected === null) return;
      judged++;
      const read = await records(text);
      expect(
        read.map((record) => (record.kind === "record" ? record.fields.map(({ value }) => value) : record)),
      ).toEqual(expected);
    }),
    { numRuns: 2000 },
  );
  expect(judged).toBeGreaterThan(400);
});

async function records(text: string) {
  return await collect(csvRecords(decodeLines(new TextEncoder().encode(text)), () => ","));
}

/** null where csv-parse refuses the file, or reads it otherwise on purpose: it takes a quote inside an unquoted field for a fault. */
function byCsvParse(text: string): string[][] | null {
  // A record of blanks alone is none to us; csv-parse knows only empty lines.
  if (text === "" || /^ +$/m.test(text)) return null;
  try {
    return parse(text, { relax_column_count: true, skip_empty_lines: true, record_delimiter: "\n" });
  } catch {
    return null;
  }
}

/** `Array.fromAsync`, which ES2024 does not have yet. */
async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
