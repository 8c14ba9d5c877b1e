import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { look } from "./readme.example.ts";
import { noise } from "./testing.ts";

it("the README's example is a file, and runs", async () => {
  const [readme, example] = ["../README.md", "./readme.example.ts"].map((path) =>
    readFileSync(new URL(path, import.meta.url), "utf8"),
  );
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\`\n`);
  const spec = {
    width: 4,
    height: 4,
    hiddenSize: 8,
    layers: 1,
    innerWidth: 8,
    classes: 1,
    cellsPerPatch: 1,
    cellSize: 14,
    usualReach: 1,
  };
  const random = noise(2);
  const { found, gradients } = await look(
    spec,
    random,
    Float32Array.from({ length: 128 }, () => random.normal()),
  );
  expect(found.length).toBeGreaterThan(0);
  expect(Object.keys(gradients)).toHaveLength(9);
});
