import { describe, expect, it } from "vitest";
import { type HeldOutAnswers, judge } from "./verdict.ts";

describe("the verdict", () => {
  it("pays: ahead by more than noise", () => {
    const verdict = judge(expectedOf(200), prompt(200, 190), [baseline(200, 150)]);
    expect(verdict).toMatchObject({ best: "kv", margin: 0.2, significant: true, paid: true });
    expect(verdict.words).toMatchInlineSnapshot(
      `"Key/value prefixes: 95.0 % of 200 held-out rows right; best baseline (linear probe): 75.0 %. A paired test calls the difference more than noise: the prompt pays."`,
    );
  });

  it("noise: ahead, yet not more than luck would", () => {
    const verdict = judge(expectedOf(200), prompt(200, 152), [baseline(200, 150)]);
    expect(verdict).toMatchObject({ best: "kv", margin: 0.01, significant: false, paid: true });
    expect(verdict.words).toMatchInlineSnapshot(
      `"Key/value prefixes: 76.0 % of 200 held-out rows right; best baseline (linear probe): 75.0 %. That is no more than noise: these rows can't tell the two apart."`,
    );
  });

  it("noise: behind by no more than one standard error keeps the prompt that was asked for", () => {
    const verdict = judge(expectedOf(200), prompt(200, 149), [baseline(200, 150)]);
    expect(verdict).toMatchObject({ best: "linearProbe", significant: false, paid: true });
    expect(verdict.margin).toBeCloseTo(-0.005, 12);
  });

  it("doesn't pay: behind by more than one standard error", () => {
    const verdict = judge(expectedOf(200), prompt(200, 146), [baseline(200, 150)]);
    expect(verdict).toMatchObject({ best: "linearProbe", margin: -0.02, significant: false, paid: false });
    expect(verdict.words).toMatchInlineSnapshot(
      `"Key/value prefixes: 73.0 % of 200 held-out rows right; best baseline (linear probe): 75.0 %. The prompt doesn't pay here."`,
    );
  });

  it("doesn't pay: behind by more than noise", () => {
    const verdict = judge(expectedOf(200), prompt(200, 100), [baseline(200, 150)]);
    expect(verdict).toMatchObject({ best: "linearProbe", margin: -0.25, significant: true, paid: false });
    expect(verdict.words).toMatchInlineSnapshot(
      `"Key/value prefixes: 50.0 % of 200 held-out rows right; best baseline (linear probe): 75.0 %. The prompt doesn't pay here."`,
    );
  });

  it("a tie is the prompt's, whether the answers are the same or cross", () => {
    const expected = Int32Array.of(1, 1);
    const left = { ...prompt(2, 0), predicted: Int32Array.of(1, 0) };
    const right = { ...baseline(2, 0), predicted: Int32Array.of(0, 1) };
    for (const rival of [right, { ...right, predicted: left.predicted }]) {
      const verdict = judge(expected, left, [rival]);
      expect(verdict).toMatchObject({ best: "kv", margin: 0, significant: false, paid: true, pValue: 1 });
    }
  });

  it("turns round with its sides: margin negated, p-value and significance the same", () => {
    const [a, b] = [prompt(90, 80), baseline(90, 60)];
    const [there, back] = [judge(expectedOf(90), a, [b]), judge(expectedOf(90), b, [a])];
    expect(back.margin).toBe(-there.margin);
    expect([back.pValue, back.significant]).toEqual([there.pValue, there.significant]);
    expect([there.best, back.best]).toEqual(["kv", "kv"]);
  });

  it("compares with the best baseline, the first of equals", () => {
    const others = [baseline(10, 3, "majority"), baseline(10, 7, "knn"), baseline(10, 7, "linearProbe")];
    expect(judge(expectedOf(10), prompt(10, 2), others).best).toBe("knn");
  });

  it("without held-out rows knows nothing, and says so", () => {
    const verdict = judge(expectedOf(0), prompt(0, 0), [baseline(0, 0)]);
    expect(verdict).toMatchObject({ margin: 0, significant: false, pValue: 1, paid: true });
    expect(verdict.words).toMatchInlineSnapshot(
      `"No row could be held out, so nothing tells whether the prompt pays."`,
    );
  });
});

function expectedOf(rows: number): Int32Array {
  return new Int32Array(rows).fill(1);
}

/** The first `right` rows are right. */
function prompt(rows: number, right: number): HeldOutAnswers {
  return { name: "kv", title: "key/value prefixes", predicted: answers(rows, right) };
}

function baseline(rows: number, right: number, name: HeldOutAnswers["name"] = "linearProbe"): HeldOutAnswers {
  return { name, title: "linear probe", predicted: answers(rows, right) };
}

function answers(rows: number, right: number): Int32Array {
  return Int32Array.from({ length: rows }, (_, row) => (row < right ? 1 : 0));
}
