import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { worstError } from "./ops/testing.ts";
import { results } from "./readme.example.ts";

it("the README's example is a file, and gives what it says", () => {
  const [readme, example] = ["../README.md", "./readme.example.ts"].map((path) =>
    readFileSync(new URL(path, import.meta.url), "utf8"),
  );
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\`\n`);
  expect(worstError(results.loss, { data: [Math.log(3)] })).toBeLessThan(1e-6);
  const gradient = [-2, -4, 1, 2, 1, 2].map((thirds) => thirds / 3);
  expect(worstError(results["grad.head"], { data: gradient })).toBeLessThan(1e-6);
});
