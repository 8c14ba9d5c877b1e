import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { firstJob } from "./readme.example.ts";
import { bytesOf } from "./service.fixtures.ts";
import { testService } from "./testing.ts";

it("the README's example is a file, and makes one job", async () => {
  const [readme, example] = ["../README.md", "./readme.example.ts"].map((file) =>
    readFileSync(new URL(file, import.meta.url), "utf8"),
  );
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\`\n`);
  const [first, second] = await firstJob(testService(), bytesOf("text,label\na,x\nb,y\n"));
  expect(first).toMatch(/^ftjob-/);
  expect(second).toBe(first);
});
