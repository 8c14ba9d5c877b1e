import { expect, test } from "vitest";
import { terminalComparison } from "./terminal-comparison.ts";
import { inFolds, sampleComparison } from "./testing/sample-report.ts";

test("a wide terminal: reached and paid on one line a method", () => {
  expect(terminalComparison(sampleComparison(), { color: false, width: 130 })).toMatchInlineSnapshot(`
    "  on 240 test rows                 accuracy   95 % from–to   held-out      trained     stored       tuning   switch
      zero-shot by label names           50.0 %    43.7–56.3 %     51.0 %            0      168 B        80 ms        –
      few-shot, 5 nearest neighbours     82.9 %    77.6–87.2 %     83.8 %            0   368.6 KB        9.4 s        –
      linear probe                       90.0 %    85.6–93.2 %     90.2 %        4,620    10.4 KB       16.2 s   0.4 ms
      soft tokens (diverged)                  –              –          –       10,752    21.5 KB    1 min 1 s        –
    ▸ key/value prefixes                 92.5 %    88.5–95.2 %     92.9 %       29,184    58.4 KB   1 min 24 s   1.1 ms
      full fine-tuning                   93.3 %    89.4–95.9 %     92.7 %   22,713,216    45.4 MB    2 h 5 min   310 ms"
  `);
});

test("a narrow one: two tables", () => {
  expect(terminalComparison(sampleComparison(), { color: false, width: 80 })).toMatchInlineSnapshot(`
    "  on 240 test rows                 accuracy   95 % from–to   held-out
      zero-shot by label names           50.0 %    43.7–56.3 %     51.0 %
      few-shot, 5 nearest neighbours     82.9 %    77.6–87.2 %     83.8 %
      linear probe                       90.0 %    85.6–93.2 %     90.2 %
      soft tokens (diverged)                  –              –          –
    ▸ key/value prefixes                 92.5 %    88.5–95.2 %     92.9 %
      full fine-tuning                   93.3 %    89.4–95.9 %     92.7 %

      on 240 test rows                    trained     stored       tuning   switch
      zero-shot by label names                  0      168 B        80 ms        –
      few-shot, 5 nearest neighbours            0   368.6 KB        9.4 s        –
      linear probe                          4,620    10.4 KB       16.2 s   0.4 ms
      soft tokens (diverged)               10,752    21.5 KB    1 min 1 s        –
    ▸ key/value prefixes                   29,184    58.4 KB   1 min 24 s   1.1 ms
      full fine-tuning                 22,713,216    45.4 MB    2 h 5 min   310 ms"
  `);
});

test("in folds: of all their rows together, beside a test file or without one", () => {
  const some = inFolds(sampleComparison().slice(2, 5));
  const wide = { color: false, width: 160 };
  const named = some.map((method, at) =>
    at === 2 ? { ...method, init: "labels", reparam: "low-rank:8" } : method,
  );
  expect(terminalComparison(named, wide)).toMatchInlineSnapshot(`
    "  on 240 test rows, 1,200 rows in 5 folds                 test   95 % from–to    folds   95 % from–to   held-out   trained    stored       tuning   switch
      linear probe                                          90.0 %    85.6–93.2 %   89.2 %    87.3–90.8 %     90.2 %     4,620   10.4 KB       16.2 s   0.4 ms
      soft tokens (diverged)                                     –              –        –              –          –    10,752   21.5 KB    1 min 1 s        –
    ▸ key/value prefixes, init labels, reparam low-rank:8   92.5 %    88.5–95.2 %   91.9 %    90.2–93.3 %     92.9 %    29,184   58.4 KB   1 min 24 s   1.1 ms"
  `);
  const untested = some.map((method) => ({ ...method, test: null }));
  expect(terminalComparison(untested, wide)).toMatchInlineSnapshot(`
    "  on 1,200 rows in 5 folds   accuracy   95 % from–to   held-out   trained    stored       tuning   switch
      linear probe                 89.2 %    87.3–90.8 %     90.2 %     4,620   10.4 KB       16.2 s   0.4 ms
      soft tokens (diverged)            –              –          –    10,752   21.5 KB    1 min 1 s        –
    ▸ key/value prefixes           91.9 %    90.2–93.3 %     92.9 %    29,184   58.4 KB   1 min 24 s   1.1 ms"
  `);
});

test("colour adds escape sequences and nothing else; a stranger's text stays on its line", () => {
  const hostile = sampleComparison().map((method) => ({ ...method, title: "a\nb\u001B[31m\u202Ec" }));
  const plain = terminalComparison(hostile, { color: false, width: 130 });
  expect(plain.split("\n")).toHaveLength(7);
  for (const steering of ["\u001B", "\u202E"]) expect(plain).not.toContain(steering);
  const coloured = terminalComparison(hostile, { color: true, width: 130 });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
  expect(coloured.replaceAll(/\u001B\[\d+m/g, "")).toBe(plain);
  expect(coloured).not.toBe(plain);
});
