import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { look } from "./readme.example.ts";

it("the README's example is a file, and runs", async () => {
  const file = (name: string) => readFile(new URL(name, import.meta.url));
  expect((await file("../README.md")).toString()).toContain(
    `\`\`\`ts\n${await file("./readme.example.ts")}\`\`\`\n`,
  );
  const { tensor, box, back } = await look(await file("./goldens/cmyk.jpg"));
  expect(tensor.length).toBe(3 * 224 * 224);
  expect(box).toEqual([70, 140, 224, 224]);
  expect(back).toEqual([10, 20, 32, 32]);
});
