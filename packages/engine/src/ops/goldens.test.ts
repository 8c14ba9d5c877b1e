import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openReferenceSession } from "../session/reference.ts";
import { OPS, type OpName } from "./table.ts";
import { gradientGraph, type Row, rowFeeds, worstError } from "./testing.ts";

/** PyTorch's numbers, by goldens/make.py. */
const ROWS: readonly Row[] = JSON.parse(
  readFileSync(new URL("./goldens/rows.json", import.meta.url), "utf8"),
);

describe("PyTorch's numbers", () => {
  it.each((Object.keys(OPS) as OpName[]).filter((name) => typeof OPS[name].vjp === "function"))(
    "cover %s",
    (name) => expect(ROWS.some((row) => row.op === name)).toBe(true),
  );

  it.each(ROWS.map((row, at): [string, Row] => [`${row.op} (${at})`, row]))(
    "are ours: %s",
    async (_, row) => {
      const results = await openReferenceSession(gradientGraph(row)).run(rowFeeds(row, "upstream"));
      row.outputs?.forEach((wanted, index) => {
        expect(results[`y${index}`]?.dims).toEqual(wanted.dims);
        expect(worstError(results[`y${index}`], wanted)).toBeLessThan(tolerance(row));
      });
      row.gradients?.forEach((data, index) => {
        if (data) expect(worstError(results[`grad.x${index}`], { data })).toBeLessThan(tolerance(row));
      });
    },
  );
});

/** A constant of a rule (2 / sqrt(pi), an interpolation's weights) is a float32; everything else is float64. */
function tolerance({ op }: Row): number {
  return ["Erf", "Gelu", "Resize"].includes(op) ? 1e-6 : 1e-9;
}
