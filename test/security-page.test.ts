import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

const ROOT = path.join(import.meta.dirname, "..");
const read = (file: string) => readFileSync(path.join(ROOT, file), "utf8");

it.each([
  ["docs/security.md", 30],
  ["docs/threat-model.md", 15],
])("every test and rule that %s names is there, under that title", (page, least) => {
  const named = [...read(page).matchAll(/`([^`]+\.ts)` › "([^"]+)"/g)];
  expect(named.length).toBeGreaterThan(least);
  const missing = named.filter(
    ([, file = "", title]) => !existsSync(path.join(ROOT, file)) || !read(file).includes(`"${title}"`),
  );
  expect(missing.map(([words]) => words)).toEqual([]);
});

it("every page of docs/ is linked from the README or from a page that is, and every link leads somewhere", () => {
  const seen = new Set(["README.md"]);
  const dead: string[] = [];
  for (const page of seen) {
    const text = read(page);
    for (const [, target = "", anchor] of text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)) {
      const file = target === "" ? page : path.join(path.dirname(page), target);
      if (!existsSync(path.join(ROOT, file))) dead.push(`${page}: ${target}`);
      else if (file.endsWith(".md")) {
        seen.add(file);
        if (anchor !== undefined && !anchorsOf(read(file)).includes(anchor))
          dead.push(`${page}: ${target}#${anchor}`);
      }
    }
  }
  expect(dead).toEqual([]);
  const pages = readdirSync(path.join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
  expect(pages.filter((name) => !seen.has(`docs/${name}`))).toEqual([]);
});

/** Of its titles, as GitHub makes them. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
