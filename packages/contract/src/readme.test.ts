import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { id, job, known } from "./readme.example.ts";

it("the README's example is a file, and true", () => {
  const [readme, example] = ["../README.md", "./readme.example.ts"].map((file) =>
    readFileSync(new URL(file, import.meta.url), "utf8"),
  );
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\`\n`);
  expect([known, id, job.success]).toEqual([404, undefined, false]);
});
