import type { TuneReport } from "@kilotune/contract";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { renderReport } from "./page.ts";
import { parsePage } from "./testing/parse-page.ts";
import { inFolds, sampleComparison, sampleCurve, sampleReport, score } from "./testing/sample-report.ts";

const sectionIds = (source: string) =>
  parsePage(source)
    .elements.filter(({ name }) => name === "section")
    .map(({ attributes }) => attributes.get("id"));

describe("the page", () => {
  const source = renderReport(sampleReport());
  const page = parsePage(source);

  test("tells the story in order", () => {
    expect(sectionIds(source)).toEqual([
      "candidates",
      "curve",
      "confusion",
      "classes",
      "mistakes",
      "calibration",
      "other-tests",
      "sizes",
      "timings",
      "receipt",
      "notes",
      "usage",
    ]);
    expect(source).toContain("<h1>Tuning pays: 2.7\u00A0points above the best baseline</h1>");
  });

  test("shows what a sweep tried, the chosen one first, and a run that diverged by its name", () => {
    const sweep = [
      { settings: { tokens: 8, promptLearningRate: 0.03 }, share: 1, score: 0.9123 },
      { settings: { tokens: 4 }, share: 0.25, score: 0.87 },
      { settings: { promptLearningRate: 3 }, share: 0.0625, score: -Infinity },
    ];
    const swept = renderReport({ ...sampleReport(), sweep });
    expect(sectionIds(swept).slice(0, 3)).toEqual(["candidates", "sweep", "curve"]);
    for (const words of ["91.2\u00A0%", "chosen", "6.3\u00A0%", "diverged", "auto", "0.03"])
      expect(swept).toContain(words);
  });

  test("shows methods side by side, the best on held-out rows marked, and one that diverged without figures", () => {
    const compared = renderReport({ ...sampleReport(), comparison: sampleComparison() });
    expect(sectionIds(compared).slice(0, 3)).toEqual(["candidates", "comparison", "curve"]);
    const section = compared.slice(
      compared.indexOf('<section id="comparison"'),
      compared.indexOf('<section id="curve"'),
    );
    const rows = section.split("<tr").slice(2);
    expect(rows).toHaveLength(6);
    expect(rows.map((row) => row.includes('class="chip">best'))).toEqual([
      false,
      false,
      false,
      false,
      true,
      false,
    ]);
    for (const words of ["92.5\u00A0%", "29,184", "58.4\u00A0KB", "1\u00A0min\u00A024\u00A0s", "1.1\u00A0ms"])
      expect(rows[4]).toContain(words);
    expect(rows[3]?.match(/>–</g)).toHaveLength(3);
    expect(renderReport({ ...sampleReport(), comparison: [] })).toBe(renderReport(sampleReport()));
  });

  test("in folds methods are told apart by them; without a test file no column is of one", () => {
    const crossed = inFolds(sampleComparison());
    // By held-out rows alone another one would be the best.
    const comparison = crossed.map((method) =>
      method.name === "kv" ? { ...method, heldOut: score(480, 0.2), init: "labels" } : method,
    );
    const sectionOf = (methods: typeof comparison) => {
      const page = renderReport({ ...sampleReport(), comparison: methods });
      return page.slice(page.indexOf('<section id="comparison"'), page.indexOf('<section id="curve"'));
    };
    const section = sectionOf(comparison);
    const kv = section.split("<tr").find((row) => row.includes("key/value prefixes, init labels"));
    expect(kv).toContain('class="chip">best');
    expect(kv).toContain("91.9\u00A0%");
    expect(kv).toContain("± 1.2\u00A0points");
    expect(section).toContain("1,200\u00A0rows in 5 folds");
    expect(section).toContain('data-name="Test"');
    const untested = sectionOf(comparison.map((method) => ({ ...method, test: null })));
    expect(untested).not.toMatch(/test rows|data-name="Test"/);
    expect(untested.match(/data-name="Folds">–/g)).toHaveLength(1);
  });

  test("shows each fold of a cross-validation, their mean and deviation, and what wasn't parted", () => {
    const scores = [0.8, 0.9, 0.85].map((accuracy) => ({
      rows: 40,
      accuracy,
      macroF1: accuracy,
      interval: [accuracy - 0.1, accuracy + 0.1] as const,
    }));
    const crossed = renderReport({
      ...sampleReport(),
      crossValidation: {
        folds: [40, 40, 41].map((rows) => ({ rows, published: "kv" })),
        alwaysLearnt: 1,
        grouped: 12,
        candidates: [
          {
            name: "linearProbe",
            title: "linear probe",
            scores: [null, null, null],
            mean: NaN,
            deviation: NaN,
          },
          { name: "published", title: "what each fold publishes", scores, mean: 0.85, deviation: 0.05 },
        ],
      },
    });
    expect(sectionIds(crossed).slice(0, 3)).toEqual(["candidates", "cross-validation", "curve"]);
    for (const words of [
      "80.0\u00A0% · 90.0\u00A0% · 85.0\u00A0%",
      "85.0\u00A0%",
      "5.0\u00A0points",
      "– · – · –",
      "40 to 41\u00A0rows",
      "12\u00A0rows are nearly the same",
      "1\u00A0row was always learnt from",
    ])
      expect(crossed).toContain(words);
    expect(crossed).not.toContain("NaN");
  });

  test("shows no interval where none was reckoned", () => {
    const score = { rows: 10, main: "r2", figures: { r2: 0.431 } };
    const report = sampleReport();
    const [first] = report.candidates;
    const plain = renderReport({
      ...report,
      candidates: [{ ...first!, heldOut: score, test: score, published: true }],
    });
    expect(plain).toContain("43.1\u00A0%");
    expect(plain).not.toContain("43.1–43.1");
  });

  test("is the same bytes for the same report", () => {
    expect(renderReport(sampleReport())).toBe(source);
  });

  test("asks for nothing: no script, no link that leaves, no address but the empty icon", () => {
    const names = new Set(page.elements.map(({ name }) => name));
    for (const name of ["script", "img", "image", "iframe", "object", "a", "use", "form"])
      expect(names).not.toContain(name);
    for (const { attributes } of page.elements) {
      for (const [name, value] of attributes) {
        expect(name).not.toMatch(/^on|^src|^xlink/);
        if (name === "href") expect(value).toBe("data:,");
      }
    }
    expect(source).not.toMatch(/url\(|@import|https?:/);
    const policy = page.elements.find(
      ({ attributes }) => attributes.get("http-equiv") === "Content-Security-Policy",
    );
    expect(policy?.attributes.get("content")).toMatch(/^default-src &#39;none&#39;; style-src/);
  });

  test("every drawing has a title and a description, or is hidden because the numbers stand beside it", () => {
    page.elements.forEach(({ name, attributes }, i) => {
      if (name !== "svg") return;
      if (attributes.get("aria-hidden") === "true") return;
      expect(attributes.get("role")).toBe("img");
      expect(page.elements.slice(i + 1, i + 3).map((child) => child.name)).toEqual(["title", "desc"]);
    });
  });

  test("every table head names its scope, ids are unique", () => {
    for (const { name, attributes } of page.elements)
      if (name === "th") expect(attributes.has("scope")).toBe(true);
    const ids = page.elements.flatMap(({ attributes }) => attributes.get("id") ?? []);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("extremes", () => {
  test("two labels, no epochs, no mistakes, no notes", () => {
    const two = sampleReport(2);
    const source = renderReport({
      ...two,
      curve: [],
      notes: [],
      otherTests: [],
      timings: [],
      evaluation: { ...two.evaluation, mistakes: [] },
    });
    expect(sectionIds(source)).toEqual([
      "candidates",
      "curve",
      "confusion",
      "classes",
      "mistakes",
      "calibration",
      "sizes",
      "receipt",
      "usage",
    ]);
    expect(source).toContain("There were no epochs");
    expect(source).toContain("every evaluated row was answered right");
  });

  test("150 labels: pairs and a small matrix instead of a wall of names", () => {
    const source = renderReport(sampleReport(150));
    const { elements } = parsePage(source);
    expect(elements.some(({ attributes }) => attributes.get("class") === "heat")).toBe(false);
    expect(elements.some(({ attributes }) => attributes.get("class")?.includes("heat-thumbnail"))).toBe(true);
    expect(source).toContain("125\u00A0stronger labels");
    expect(source.length).toBeLessThan(400_000);
  });

  test("an empty test", () => {
    const report = sampleReport();
    const source = renderReport({
      ...report,
      data: { ...report.data, testRows: 0 },
      candidates: report.candidates.map((candidate) => ({ ...candidate, heldOut: null, test: null })),
      evaluation: {
        rows: 0,
        accuracy: Number.NaN,
        macroF1: Number.NaN,
        labels: [],
        confusion: [],
        perClass: [],
        mistakes: [],
      },
      calibration: { temperature: 1, expectedCalibrationError: Number.NaN, bins: [] },
    });
    parsePage(source);
    expect(source.match(/No rows were evaluated/g)).toHaveLength(4);
    expect(source).not.toContain("NaN");
  });

  test("500 epochs that diverge half-way", () => {
    const curve = sampleCurve(500).map((point, i) => (i > 250 ? { ...point, loss: Number.NaN } : point));
    const source = renderReport({ ...sampleReport(), curve });
    parsePage(source);
    expect(source).not.toContain("NaN");
  });

  test("no test file: the column goes, the held-out rows speak", () => {
    const report = sampleReport();
    const source = renderReport({
      ...report,
      data: { ...report.data, testRows: 0 },
      candidates: report.candidates.map((candidate) => ({ ...candidate, test: null })),
    });
    expect(source).toContain("240\u00A0held-out rows");
    expect(source).not.toContain("test rows, which nothing has seen");
  });

  test("a text of 10,000 characters and 500 mistakes are cut", () => {
    const report = sampleReport();
    const mistakes = Array.from({ length: 500 }, () => ({
      text: "long ".repeat(2000),
      label: "a",
      predicted: "b",
      score: 0.9,
    }));
    const source = renderReport({ ...report, evaluation: { ...report.evaluation, mistakes } });
    expect(source).toContain("40 of 500\u00A0mistakes");
    expect(source.match(/…<\/td>/g)).toHaveLength(40);
    expect(source.length).toBeLessThan(150_000);
  });

  test("a label called __proto__ keeps its training rows", () => {
    const report = sampleReport(2);
    const source = renderReport({
      ...report,
      data: { ...report.data, labels: [{ name: "__proto__", rows: 4321 }] },
      evaluation: {
        ...report.evaluation,
        perClass: [{ label: "__proto__", precision: 1, recall: 1, f1: 1, support: 20 }],
      },
    });
    expect(source).toContain('<td class="number">4,321</td>');
  });
});

describe("what the words say", () => {
  const verdictOf = (margin: number, significant: boolean) => {
    const report = sampleReport();
    return /<h1>(.*?)<\/h1>/.exec(
      renderReport({ ...report, verdict: { ...report.verdict, margin, significant } }),
    )![1];
  };

  test("the headline never calls noise a win or a loss", () => {
    expect(verdictOf(-0.021, true)).toBe("Tuning does not pay here: 2.1\u00A0points below the best baseline");
    expect(verdictOf(0.004, false)).toBe(
      "No clear winner: 0.4\u00A0points above the best baseline is within noise",
    );
    expect(verdictOf(Number.NaN, true)).toBe("There was nothing to compare the prompt with");
  });

  test("another test file is judged by its interval", () => {
    const report = sampleReport();
    const meaningOf = (rows: number, accuracy: number) => {
      const file = { name: "x", rows, published: score(rows, accuracy), linearProbe: score(rows, accuracy) };
      const source = renderReport({ ...report, otherTests: [file] });
      return /dir="auto">(.*?) Level with the linear probe/.exec(
        source.slice(source.indexOf("other-tests")),
      )![1];
    };
    expect(meaningOf(200, 0.93)).toMatch(/^As good as/);
    expect(meaningOf(200, 0.8)).toMatch(/^A little weaker/);
    expect(meaningOf(200, 0.6)).toMatch(/^Much weaker/);
    expect(meaningOf(200, 0.3)).toMatch(/^The backbone understands little/);
    expect(meaningOf(200, 0.08)).toMatch(/do not use it/);
    expect(meaningOf(1, 0.5)).toMatch(/^Too few rows/);
  });

  test("a path is quoted for the shell", () => {
    const report = sampleReport();
    const source = renderReport({
      ...report,
      prompt: { ...report.prompt, path: "it's $HOME/p.safetensors" },
    });
    expect(source).toContain("kilotune inspect &#39;it&#39;\\&#39;&#39;s $HOME/p.safetensors&#39;");
  });
});

describe("whatever tenants write", () => {
  const sample = { ...sampleReport(3), comparison: sampleComparison() };
  const nasty = fc.oneof(
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.string({
      unit: fc.constantFrom("<", ">", "&", '"', "'", "/", "a", " ", "=", "`", "_"),
      maxLength: 40,
    }),
    fc.constantFrom(
      "<script>alert(1)</script>",
      '" onload="alert(1)',
      "</style><img src=x onerror=alert(1)>",
      "]]><!--",
      "\u202Etxt.exe",
      "\u0000\u001B[31m\uFFFF\uD800",
      "x".repeat(10_000),
      "e\u0301".repeat(5_000),
    ),
  );

  test("no text changes which elements the page has", () => {
    const structure = (report: TuneReport) =>
      parsePage(renderReport(report)).elements.flatMap(({ name, path }) =>
        name === "wbr" ? [] : [[...path, name].join(" ")],
      );
    const harmless = structure(mapLeaves(sample, () => "a", keepNumber));
    fc.assert(
      fc.property(fc.array(nasty, { minLength: 1, maxLength: 12 }), (texts) => {
        let next = 0;
        const report = mapLeaves(sample, () => texts[next++ % texts.length]!, keepNumber);
        expect(structure(report)).toEqual(harmless);
        expect(renderReport(report)).not.toMatch(/[\u202A-\u202E\u2066-\u2069\p{Cs}]|(?!\n|\t)\p{Cc}/u);
      }),
      { numRuns: 60 },
    );
  });

  test("no number breaks the page or is shown as NaN", () => {
    const odd = fc.constantFrom(Number.NaN, Infinity, -Infinity, -1, 0, 0.5, 2, 1e9);
    fc.assert(
      fc.property(fc.array(odd, { minLength: 1, maxLength: 12 }), (numbers) => {
        let next = 0;
        const report = mapLeaves(sample, keepText, () => numbers[next++ % numbers.length]!);
        const source = renderReport(report);
        parsePage(source);
        expect(/.{0,80}(NaN|Infinity|undefined).{0,20}/.exec(source)?.[0]).toBeUndefined();
      }),
      { numRuns: 100 },
    );
  });
});

const keepText = (text: string) => text;
const keepNumber = (n: number) => n;

/** The report with every free text and every number replaced; names that are code (a method) stay. */
function mapLeaves(
  report: TuneReport,
  text: (old: string) => string,
  number: (old: number) => number,
): TuneReport {
  const walk = (value: unknown, key: string): unknown => {
    if (typeof value === "number") return number(value);
    if (typeof value === "string") return key === "method" || key === "best" ? value : text(value);
    if (Array.isArray(value)) return value.map((item) => walk(item, key));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, walk(item, name)]));
  };
  return walk(report, "") as TuneReport;
}
