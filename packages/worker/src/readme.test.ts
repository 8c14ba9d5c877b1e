import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { mainFigure } from "@kilotune/contract";
import { isPromptId } from "@kilotune/prompt";
import { expect, it } from "vitest";
import { tuneDesk } from "./readme.example.ts";
import { openTiny, type Row, toyRows } from "./testing.ts";

it("the README's example is a file, and tunes", async () => {
  const [readme, example] = ["../README.md", "./readme.example.ts"].map((file) =>
    readFileSync(new URL(file, import.meta.url), "utf8"),
  );
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\`\n`);

  await using tiny = await openTiny();
  const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-readme-"));
  const write = (name: string, rows: readonly Row[]) =>
    writeFile(path.join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await write("train.jsonl", toyRows(6, 1));
  await write("test.jsonl", toyRows(6, 2));
  const { id, test, verdict } = await tuneDesk(tiny.backbone, folder);
  await rm(folder, { recursive: true });
  expect(isPromptId(id)).toBe(true);
  expect(mainFigure(test!).value).toBeGreaterThan(1 / 3);
  expect(verdict).toContain("of 18 held-out rows right");
});
