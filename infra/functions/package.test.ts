import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { FUNCTIONS, type FunctionName } from "../../packages/aws/src/functions/functions.ts";
import { type Bundle, bundle, entryOf } from "./bundle.ts";
import { duplicatesOf, packageFunctions, ZIP_BYTES } from "./package.ts";

const root = path.resolve(import.meta.dirname, "../..");
const names = Object.keys(FUNCTIONS) as FunctionName[];
let bundles: Map<FunctionName, Bundle>;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-package-"));
  bundles = new Map(
    await Promise.all(names.map(async (name) => [name, await bundle(entryOf(name), root)] as const)),
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("leaves to layers what needs them, and to nobody what doesn't", () => {
  for (const [name, { files, inputs }] of bundles) {
    const needsLayer = inputs.some((input) => input.startsWith("layer:"));
    expect([name, needsLayer]).toEqual([name, FUNCTIONS[name].needs === "backbone"]);
    const code = Buffer.from(files.find((file) => file.path === "index.mjs")?.source ?? "").toString();
    // All else is in it: what is imported is Node's.
    const imported = [...code.matchAll(/^import\b[^;]*?from"([^"]+)"/gm)].map(([, module]) => module);
    expect(imported.filter((module) => !module?.startsWith("node:"))).toEqual([]);
    expect(code.match(/\bimport\("(?!node:)/g) ?? []).toEqual([]);
  }
});

it("has each package once, the AWS SDK too", () => {
  for (const [name, { inputs }] of bundles) {
    expect([name, ...duplicatesOf(inputs)]).toEqual([name]);
    expect(inputs.some((input) => input.includes("node_modules/@aws-sdk/"))).toBe(true);
  }
  const twice = [
    "node_modules/a/x.js",
    "node_modules/b/node_modules/a/x.js",
    "node_modules/@c/d/y.js",
    "packages/e/z.ts",
  ];
  expect([...duplicatesOf(twice)]).toEqual([["a", ["node_modules/a", "node_modules/b/node_modules/a"]]]);
});

it("makes the same small zip of the same sources", async () => {
  const [one] = await packageFunctions(path.join(folder, "one"), ["api"]);
  const [two] = await packageFunctions(path.join(folder, "two"), ["api"]);
  expect(one).toEqual(two);
  expect(one?.zipBytes).toBeLessThan(ZIP_BYTES);
  // The others are parts of it, but for the engine.
  for (const [, { files }] of bundles)
    expect(files.reduce((sum, { source }) => sum + source.length, 0)).toBeLessThan(8e6);
});
