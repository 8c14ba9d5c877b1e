import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { scoreSpans } from "./spans.ts";

const golden: {
  expected: string[][];
  answered: string[][];
  precision: number;
  recall: number;
  f1: number;
  macroF1: number;
}[] = JSON.parse(readFileSync(new URL("goldens/spans.json", import.meta.url), "utf8"));

describe("spans", () => {
  it("have seqeval's precision, recall and F1 (goldens/make_spans.py)", () => {
    expect(golden.length).toBeGreaterThan(0);
    for (const { expected, answered, ...figures } of golden) {
      const score = scoreSpans(expected, answered);
      for (const [name, value] of Object.entries(figures))
        expect(score[name as keyof typeof figures], name).toBeCloseTo(value, 12);
    }
  });

  it("count by name, and are nothing where there are none", () => {
    expect(scoreSpans([["O"]], [["O"]])).toEqual({
      support: 0,
      precision: 0,
      recall: 0,
      f1: 0,
      macroF1: 0,
      perName: [],
    });
    const { perName, f1 } = scoreSpans([["B-a", "O", "B-b"]], [["B-a", "B-b", "O"]]);
    expect(f1).toBe(0.5);
    expect(perName.map(({ name, f1: own, support }) => [name, own, support])).toEqual([
      ["a", 1, 1],
      ["b", 0, 1],
    ]);
  });
});
