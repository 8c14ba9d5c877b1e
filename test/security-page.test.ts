import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

const ROOT = path.join(import.meta.dirname, "..");
const read = (file: string) => readFileSync(path.join(ROOT, file), "utf8");

it("every test that the security page names is there, under that title", () => {
  const named = [...read("docs/security.md").matchAll(/`([^`]+\.test\.ts)` › "([^"]+)"/g)];
  expect(named.length).toBeGreaterThan(30);
  const missing = named.filter(
    ([, file = "", title]) => !existsSync(path.join(ROOT, file)) || !read(file).includes(`"${title}"`),
  );
  expect(missing.map(([words]) => words)).toEqual([]);
});

it("is linked from the README", () => {
  expect(read("README.md")).toContain("(docs/security.md)");
});
