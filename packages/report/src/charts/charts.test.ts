import { describe, expect, test } from "vitest";
import { sampleReport, score } from "../testing/sample-report.ts";
import { accuracyAxis, whiskerRow } from "./dots.ts";
import { confusedPairs, heatTable } from "./heatmap.ts";
import { type LineChart, lineChart } from "./line.ts";
import { reliabilityChart } from "./reliability.ts";
import { niceScale, wholeScale } from "./scale.ts";
import { spanBar } from "./span-bar.ts";

describe("dots and whiskers", () => {
  test("a hopeless baseline does not squeeze the rest; it gets an arrow", () => {
    const scores = [score(240, 0.083), score(240, 0.9), score(240, 0.92)];
    const axis = accuracyAxis(scores);
    expect(axis).toMatchObject({ min: 0.85, max: 0.95 });
    expect(String(whiskerRow(axis, null, scores[0]!))).toContain("off-axis test");
  });

  test("a row", () => {
    const axis = { min: 0.8, max: 1, ticks: [0.8, 1], digits: 1 };
    const middle = { rows: 100, accuracy: 0.9, macroF1: 0.9, interval: [0.85, 0.95] } as const;
    expect(String(whiskerRow(axis, middle, null))).toMatchInlineSnapshot(`
      "<svg class="whiskers" width="100%" height="54" aria-hidden="true">
      <line class="grid" x1="0.00%" x2="0.00%" y1="0" y2="54"/><line class="grid" x1="100.00%" x2="100.00%" y1="0" y2="54"/>
      <g class="whisker held-out"><line x1="25.00%" x2="75.00%" y1="27" y2="27"/><line x1="25.00%" x2="25.00%" y1="23" y2="31"/><line x1="75.00%" x2="75.00%" y1="23" y2="31"/><circle cx="50.00%" cy="27" r="4.5"/></g>
      </svg>"
    `);
  });
});

describe("lines", () => {
  const chart = (ys: readonly number[]): LineChart => ({
    title: "Training loss",
    description: "",
    series: "loss",
    xLabel: "epoch",
    x: wholeScale(1, ys.length, 6),
    y: niceScale(ys, 4),
    points: ys.map((y, i) => ({ x: i + 1, y })),
    format: String,
    mark: null,
  });
  const count = (ys: readonly number[], element: string) =>
    String(lineChart(chart(ys))).split(`<${element} `).length - 1;

  test("a value that is not finite breaks the line", () => {
    expect(count([3, 2, Number.NaN, 1], "polyline")).toBe(2);
    expect(count([3, 2, 1], "polyline")).toBe(1);
  });

  test("one epoch is one dot, hundreds have none", () => {
    expect(count([1], "circle")).toBe(1);
    expect(
      count(
        Array.from({ length: 500 }, (_, i) => i),
        "circle",
      ),
    ).toBe(0);
  });
});

describe("confusion", () => {
  const matrix = {
    labels: ["a", "b", "c"],
    confusion: [
      [8, 2, 0],
      [0, 5, 0],
      [2, 1, 1],
    ],
  };

  test("pairs: the most frequent first, then the larger share", () => {
    expect(confusedPairs(matrix).map(({ row, column, share }) => [row, column, share])).toEqual([
      [2, 0, 0.5],
      [0, 1, 0.2],
      [2, 1, 0.25],
    ]);
  });

  test("a heat table", () => {
    const two = {
      labels: ["yes", "no"],
      confusion: [
        [9, 1],
        [0, 0],
      ],
    };
    expect(String(heatTable(two))).toMatchInlineSnapshot(`
      "<table class="heat" style="--labels:2"><thead><tr><th class="corner" scope="col">true ↓ · called →</th><th scope="col" title="yes"><span>yes</span></th><th scope="col" title="no"><span>no</span></th><th scope="col"><span>all</span></th></tr></thead>
      <tbody><tr><th scope="row" title="yes"><bdi>yes</bdi></th><td class="right" style="--v:0.468">9</td><td class="wrong" style="--v:0.286">1</td><td class="total">10</td></tr><tr><th scope="row" title="no"><bdi>no</bdi></th><td class="none">·</td><td class="none">·</td><td class="total">0</td></tr></tbody></table>"
    `);
  });
});

test("a calibration dot's area follows its rows; empty bins are not drawn", () => {
  const { calibration } = sampleReport();
  const bins = [
    { confidence: 0.9, accuracy: 0.8, rows: 100 },
    { confidence: 0.5, accuracy: 0.5, rows: 25 },
    { confidence: 0.1, accuracy: 0, rows: 0 },
  ];
  const radii = [...String(reliabilityChart({ ...calibration, bins }, "row")).matchAll(/ r="(.*?)"/g)].map(
    ([, r]) => r,
  );
  expect(radii).toEqual(["12.0", "7.5"]);
});

test("a bar stays inside its column, and something tiny still shows", () => {
  expect(String(spanBar(0.5, 7, "chosen"))).toContain('x="50.00%" width="50.00%"');
  expect(String(spanBar(0, 1e-9, "chosen"))).toContain('width="0.40%"');
  expect(spanBar(0, Number.NaN, "chosen")).toBeNull();
});
