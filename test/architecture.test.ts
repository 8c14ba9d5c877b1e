import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { ALLOWED, faultsOf, importsOf } from "./imports.ts";

const packages = path.resolve(import.meta.dirname, "../packages");

/** Sources that ship: neither tests nor what only tests use. */
const sources = readdirSync(packages, { recursive: true, encoding: "utf8" })
  .filter((file) => /^[^/]+\/src\/.*\.ts$/.test(file) && !/node_modules/.test(file))
  .filter(
    (file) =>
      !/\.test\.ts$|\.rows\.ts$|\.fixtures\.ts$|\btesting\b|\bgoldens\b|sample-|readme\.example/.test(file),
  );

describe("architecture", () => {
  it("lets packages import only what the walk allows", () => {
    const faults = sources.flatMap((file) => faultsOf(file, readFileSync(path.join(packages, file), "utf8")));
    expect(faults).toEqual([]);
  });

  it("sees a backward arrow, a climb and a stray runtime when there is one", () => {
    expect(faultsOf("tuner/src/a.ts", 'import { x } from "@kilotune/worker";')).toHaveLength(1);
    expect(faultsOf("tuner/src/a.ts", 'import x from "../../worker/src/x.ts";')).toHaveLength(1);
    expect(faultsOf("serving/src/a.ts", 'import * as ort from "onnxruntime-node";')).toHaveLength(1);
    expect(faultsOf("dataset/src/a.ts", 'const fs = await import("node:fs");')).toHaveLength(1);
    expect(faultsOf("engine/src/ops/a.ts", 'import { y } from "../ir/graph.ts";')).toEqual([]);
  });

  for (const name of Object.keys(ALLOWED)) {
    const folder = path.join(packages, name);
    const manifest = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));

    it(`${name} declares what it imports, and nothing else of ours`, () => {
      const imported = sources
        .filter((file) => file.startsWith(`${name}/`))
        .flatMap((file) => importsOf(readFileSync(path.join(packages, file), "utf8")))
        .filter((specifier) => specifier.startsWith("@kilotune/"))
        .map((specifier) => specifier.split("/").slice(0, 2).join("/"));
      const declared = Object.keys(manifest.dependencies ?? {}).filter((dependency) =>
        dependency.startsWith("@kilotune/"),
      );
      expect([...new Set(imported)].sort()).toEqual(declared.sort());
    });

    it(`${name} has a one-page README and an index without logic`, () => {
      expect(existsSync(path.join(folder, "README.md"))).toBe(true);
      if (name === "cli") return; // A program: its contents page is main.ts.
      const index = readFileSync(path.join(folder, "src/index.ts"), "utf8").replaceAll(/"[^"]*"/g, "");
      expect(index).not.toMatch(/\b(function|const|let|class|if)\b/);
    });
  }
});
