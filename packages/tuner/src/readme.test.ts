import { readFileSync } from "node:fs";
import { tinyBackbone } from "@kilotune/backbone/testing";
import { expect, it } from "vitest";
import { learn } from "./readme.example.ts";
import { toyTexts, WORDS } from "./testing.ts";

it("the README's example is a file, and learns", async () => {
  const [readme, example] = ["../README.md", "./readme.example.ts"].map((path) =>
    readFileSync(new URL(path, import.meta.url), "utf8"),
  );
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\`\n`);

  await using tiny = await tinyBackbone({ words: WORDS });
  const rows = toyTexts(8);
  const texts = rows.map(({ text }) => text);
  const learnt = await learn(
    tiny.backbone,
    texts,
    Int32Array.from(rows, ({ label }) => label),
  );
  expect(learnt.end).toBe("done");
  expect(learnt.curve.at(-1)!.loss).toBeLessThan(learnt.curve[0]!.loss);
});
