import type { DetectionEvaluation, SegmentationEvaluation, TuneReport } from "@kilotune/contract";
import { describe, expect, test } from "vitest";
import { renderReport } from "./page.ts";
import { parsePage } from "./testing/parse-page.ts";
import { sampleReport } from "./testing/sample-report.ts";

const PIXEL = "data:image/webp;base64,UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==";
const PICTURE = { width: 40, height: 30, source: PIXEL };
const HALF = { right: 1, of: 2, interval: [0.1, 0.9] } as const;

const DETECTION: DetectionEvaluation = {
  rows: 2,
  objects: 3,
  labels: ["red cell", "<b>platelet"],
  map: 0.4,
  map50: 0.7,
  map75: 0.3,
  threshold: 0.35,
  perClass: ["red cell", "<b>platelet"].map((label) => ({
    label,
    objects: 2,
    ap: 0.4,
    ap50: 0.7,
    sensitivity: HALF,
    precision: HALF,
    curve: [1, 0.8, 0.5, 0],
  })),
  examples: [
    {
      name: "a</title><script>.png",
      picture: PICTURE,
      missed: 1,
      wrong: 1,
      truth: [{ label: 0, box: [1, 2, 10, 12], found: false }],
      answer: [{ label: 1, box: [20, 2, 30, 12], score: 0.8, right: false }],
    },
  ],
  calibration: { expectedCalibrationError: 0.1, bins: [{ confidence: 0.8, accuracy: 0.7, rows: 5 }] },
  screening: [
    { label: "<b>platelet", sensitivity: HALF, specificity: { right: 0, of: 0, interval: [0, 1] } },
  ],
};

const SEGMENTATION: SegmentationEvaluation = {
  rows: 2,
  labels: ["background", "membrane"],
  meanIou: 0.8,
  meanDice: 0.88,
  pixelAccuracy: 0.9,
  boundaryF1: 0.7,
  perClass: ["background", "membrane"].map((label) => ({
    label,
    iou: 0.8,
    dice: 0.88,
    boundaryF1: 0.7,
    sensitivity: { value: 0.9, interval: [0.8, 0.95] },
    specificity: null,
    pixels: 100,
  })),
  examples: [
    {
      name: "b.png",
      picture: PICTURE,
      score: 0.6,
      truth: [{ label: 1, points: [0, 0, 10, 0, 10, 10] }],
      answer: [
        { label: 1, points: [0, 0, 12, 0, 12, 12] },
        { label: 1, points: [0, Number.NaN, 1, 1, 2, 2] },
      ],
    },
  ],
};

function reportOf(findings: Pick<TuneReport, "task" | "evaluation">): TuneReport {
  const { calibration: _, candidates, ...sample } = sampleReport(2);
  const score = { rows: 2, main: "map50", figures: { map50: 0.7, map: 0.4 }, interval: [0.5, 0.8] } as const;
  return {
    ...sample,
    ...findings,
    candidates: candidates.map((candidate) => ({ ...candidate, heldOut: score, test: score })),
    otherTests: [],
  } as TuneReport;
}

describe("a report with pictures", () => {
  test("of boxes: tables, curves, drawings, strangers' words escaped", () => {
    const source = renderReport(reportOf({ task: "detection", evaluation: DETECTION }));
    const { elements, text } = parsePage(source);
    const ids = elements.flatMap(({ attributes }) => attributes.get("id") ?? []);
    expect(ids).toEqual(expect.arrayContaining(["classes", "curves", "examples", "calibration"]));
    expect(elements.filter(({ name }) => name === "script")).toEqual([]);
    expect(elements.find(({ name }) => name === "image")?.attributes.get("href")).toBe(PIXEL);
    // Truth twice, light over dark; the answer once.
    expect(elements.filter(({ name, path }) => name === "path" && path.at(-1) === "svg").length).toBe(3 + 2);
    expect(text).toContain("mAP@0.5");
    expect(source).not.toContain("NaN");
  });

  test("of masks: outlines, and none that isn't made of numbers", () => {
    const source = renderReport(reportOf({ task: "segmentation", evaluation: SEGMENTATION }));
    parsePage(source);
    expect(source).toContain('d="M0 0L12 0L12 12Z"');
    expect(source).not.toContain('id="calibration"');
    expect(source).not.toContain("NaN");
  });

  test("of masks: how far pixels' probabilities can be believed", () => {
    const bins = [{ confidence: 0.9, accuracy: 0.7, rows: 400 }];
    const calibration = { temperature: 1.5, expectedCalibrationError: 0.2, bins };
    const evaluation = { ...SEGMENTATION, calibration };
    const { text } = parsePage(renderReport(reportOf({ task: "segmentation", evaluation })));
    expect(text).toContain("was right 70.0\u00A0% of 400\u00A0pixels");
    expect(text).toContain("a temperature of 1.50 fitted on held-out rows");
    expect(text).toContain("No: use its ranking");
  });

  test.each([
    ["an address", "https://example.org/a.png"],
    ["SVG, which may hold a script", "data:image/svg+xml;base64,PHN2Zz4="],
    ["what breaks out of the attribute", `${PIXEL}" onload="alert(1)`],
    ["more than a picture is allowed", `data:image/png;base64,${"A".repeat(400_000)}`],
  ])("leaves out %s", (_, source) => {
    const examples = [{ ...SEGMENTATION.examples[0]!, picture: { ...PICTURE, source } }];
    const page = renderReport(reportOf({ task: "segmentation", evaluation: { ...SEGMENTATION, examples } }));
    parsePage(page);
    expect(page).toContain("There is no picture to show.");
    expect(page).not.toContain("<image");
  });

  test("of classes: mistakes with their image, each class against the others", () => {
    const sample = sampleReport(2);
    const mistakes = [{ text: "a.png", label: "yes", predicted: "no", score: 0.9, picture: PICTURE }];
    const screening = [{ label: "yes", sensitivity: HALF, specificity: HALF }];
    const page = renderReport({ ...sample, evaluation: { ...sample.evaluation, mistakes, screening } });
    const { elements } = parsePage(page);
    expect(elements.find(({ name }) => name === "img")?.attributes.get("src")).toBe(PIXEL);
    expect(page).toContain("1 of 2, 10.0–90.0\u00A0%");
    expect(page).toContain("npx kilotune classify --prompt");
  });
});

describe("attention", () => {
  const maps: NonNullable<TuneReport["attention"]> = {
    of: "prompt",
    layers: [{ layer: 0, share: 0.25 }],
    tokens: 2,
    grid: { rows: 1, columns: 2 },
    images: [
      {
        name: "<b>a.png",
        picture: PICTURE,
        frame: [-5, 0, 45, 30],
        maps: [
          { token: null, values: [0.1, 0.4] },
          { token: 1, values: [0.05, 0.3] },
        ],
      },
    ],
  };

  test("is drawn over its image, the most looked at the strongest, with its figures", () => {
    const page = renderReport({ ...sampleReport(2), attention: maps });
    const { elements, text } = parsePage(page);
    const drawn = elements
      .filter(({ name, path }) => name === "path" && path.includes("g"))
      .map(({ attributes }) => attributes.get("d"));
    expect(drawn).toEqual(["M1 0h1v1h-1z", "M1 0h1v1h-1z"]);
    expect(page).toContain('transform="translate(-5 0) scale(25.0000 30.0000)"');
    expect(text).toContain("token 2: 5.0\u00A0% to 30.0\u00A0%");
    expect(text).toContain("25.0\u00A0%");
  });

  test("of the class token says that there is no prompt to look at", () => {
    const layers = [{ layer: 11, share: null }];
    const page = renderReport({ ...sampleReport(2), attention: { ...maps, of: "class", tokens: 0, layers } });
    expect(parsePage(page).text).toContain("has no tokens that could be looked at");
    expect(page).toContain("heads of layer 12");
  });

  test.each([
    ["isn't made of numbers", { values: [Number.NaN, 1] }],
    ["is flat", { values: [0.2, 0.2] }],
  ])("that %s draws nothing", (_, { values }) => {
    const images = maps.images.map((image) => ({ ...image, maps: [{ token: null, values }] }));
    const page = renderReport({ ...sampleReport(2), attention: { ...maps, images } });
    const { elements } = parsePage(page);
    expect(elements.filter(({ name, path }) => name === "path" && path.includes("g"))).toEqual([]);
    expect(page).not.toContain("NaN");
  });
});

test("curves of labels are drawn, the worst first, and their names are text", () => {
  const sample = sampleReport(3);
  const curves = [
    { label: "good", averagePrecision: 0.9, curve: [1, 1, 0.7] },
    { label: "<i>bad", averagePrecision: 0.2, curve: [0.5, 0.2, 0.1] },
  ];
  const page = renderReport({ ...sample, evaluation: { ...sample.evaluation, curves } });
  const part = page.slice(page.indexOf('id="curves"'));
  expect(part.indexOf("&lt;i&gt;bad")).toBeGreaterThan(0);
  expect(part.indexOf("&lt;i&gt;bad")).toBeLessThan(part.indexOf("good"));
  expect(renderReport(sample)).not.toContain('id="curves"');
});
