import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { terminalSummary } from "./terminal.ts";
import { sampleReport } from "./testing/sample-report.ts";

describe("terminalSummary", () => {
  test("a wide terminal without colour", () => {
    expect(terminalSummary(sampleReport(), { color: false, width: 110 })).toMatchInlineSnapshot(`
      "Support desk, 12 intents
      Tuning pays: 2.7 points above the best baseline
      The key/value prefixes are right on 92.9 % of the held-out rows, the best baseline (linear probe) on 90.2 %. A
      paired test puts the difference beyond noise, so the prompt is what was published.

        on 240 test rows                                               accuracy   95 % from–to   held-out       size
        majority               ██▓░░                                      8.3 %     5.5–12.5 %      8.3 %       41 B
        nearest class mean     ██████████████████████████████▓▓░         85.8 %    80.9–89.7 %     86.0 %     9.2 KB
        5 nearest neighbours   █████████████████████████████▓▓░          82.9 %    77.6–87.2 %     83.8 %   368.6 KB
        linear probe           ████████████████████████████████▓░        90.0 %    85.6–93.2 %     90.2 %     9.2 KB
        linear head, tuned     ████████████████████████████████▓░░       90.4 %    86.0–93.5 %     90.6 %     9.2 KB
        soft tokens            ████████████████████████████████▓▓░       91.3 %    87.0–94.2 %     90.8 %    15.4 KB
      ▸ key/value prefixes     █████████████████████████████████▓░       92.1 %    88.0–94.9 %     92.9 %    58.4 KB

      Published: key/value prefixes, 8 tokens, 58.4 KB
      File: out/prompt.safetensors
      Time: read and check the data 420 ms · prepare the backbone 9.3 s · baselines 6.1 s · tune 1 min 24 s ·
      evaluate 11.7 s · 1 min 52 s in all"
    `);
  });

  test("a narrow one leaves out the bars first", () => {
    expect(terminalSummary(sampleReport(), { color: false, width: 44 })).toMatchInlineSnapshot(`
      "Support desk, 12 intents
      Tuning pays: 2.7 points above the best
      baseline
      The key/value prefixes are right on 92.9 %
      of the held-out rows, the best baseline
      (linear probe) on 90.2 %. A paired test puts
      the difference beyond noise, so the prompt
      is what was published.

        on 240 test rows   accuracy   95 % from–to
        majority              8.3 %     5.5–12.5 %
        nearest class m…     85.8 %    80.9–89.7 %
        5 nearest neigh…     82.9 %    77.6–87.2 %
        linear probe         90.0 %    85.6–93.2 %
        linear head, tu…     90.4 %    86.0–93.5 %
        soft tokens          91.3 %    87.0–94.2 %
      ▸ key/value prefi…     92.1 %    88.0–94.9 %

      Published: key/value prefixes, 8 tokens,
      58.4 KB
      File: out/prompt.safetensors
      Time: read and check the data 420 ms ·
      prepare the backbone 9.3 s · baselines 6.1 s
      · tune 1 min 24 s · evaluate 11.7 s ·
      1 min 52 s in all"
    `);
  });

  test("tells the mean of the folds", () => {
    const scores = [0.8, 0.9].map((r2) => ({ rows: 40, main: "r2", figures: { r2 } }));
    const report = {
      ...sampleReport(),
      crossValidation: {
        folds: scores.map(({ rows }) => ({ rows, published: "kv" })),
        alwaysLearnt: 0,
        grouped: 0,
        candidates: [
          { name: "linearProbe", title: "linear probe", scores, mean: 0.85, deviation: 0.0707 },
          { name: "kv", title: "key/value prefixes", scores: [null, null], mean: NaN, deviation: NaN },
        ],
      },
    };
    expect(terminalSummary(report, { color: false, width: 200 })).toContain(
      "\nCross-validation, mean of 2 folds: linear probe 85.0 % ± 7.1; key/value prefixes – ± –\n",
    );
  });

  test("colour adds escape sequences and nothing else", () => {
    const colored = terminalSummary(sampleReport(), { color: true, width: 100 });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
    const stripped = colored.replace(/\u001B\[\d+m/g, "");
    expect(stripped).not.toBe(colored);
    expect(stripped).toBe(terminalSummary(sampleReport(), { color: false, width: 100 }));
  });

  test("no line is wider than the terminal, the path apart", () => {
    fc.assert(
      fc.property(fc.integer({ min: 40, max: 200 }), (width) => {
        const lines = terminalSummary(sampleReport(), { color: false, width }).split("\n");
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
      }),
    );
  });

  test("strangers' text cannot drive the terminal", () => {
    const report = sampleReport();
    const evil = "\u001B]0;owned\u0007\u009B31m\u202E";
    const summary = terminalSummary(
      {
        ...report,
        title: evil,
        verdict: { ...report.verdict, words: `${evil}\nline` },
        prompt: { ...report.prompt, path: evil },
        timings: [{ name: evil, seconds: 1 }],
      },
      { color: false, width: 80 },
    );
    expect(summary).not.toMatch(/(?!\n)\p{Cc}|\u202E/u);
  });

  test("a candidate without a score and numbers that are not finite show dashes", () => {
    const report = sampleReport();
    const candidates = report.candidates.map((candidate) => ({
      ...candidate,
      heldOut: null,
      test: null,
      sizeBytes: Number.NaN,
    }));
    const summary = terminalSummary({ ...report, candidates }, { color: false, width: 100 });
    expect(summary).not.toContain("NaN");
    expect(summary).toMatch(/linear probe +– +– +– +–/);
  });
});
