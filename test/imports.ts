/** Which package may import which. The walk goes one way: a backward arrow is a mistake. See CONTRIBUTING.md. */
export const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  contract: [],
  engine: [],
  image: ["contract"],
  zip: ["contract"],
  backbone: ["contract", "engine", "image", "zip"],
  dataset: ["contract", "image", "zip"],
  heads: ["engine", "image"],
  prompt: ["contract", "engine", "heads", "zip"],
  report: ["contract"],
  sdk: ["contract"],
  tuner: ["contract", "engine", "image", "backbone", "dataset", "heads"],
  serving: ["contract", "engine", "image", "backbone", "heads", "prompt"],
  store: ["contract"],
  service: ["contract", "dataset", "image", "store"],
  api: ["contract", "service", "store"],
  worker: [
    "contract",
    "engine",
    "image",
    "backbone",
    "heads",
    "dataset",
    "prompt",
    "report",
    "tuner",
    "serving",
    "store",
    "service",
  ],
  local: ["contract", "image", "backbone", "prompt", "serving", "store", "service", "api", "worker"],
  aws: ["contract", "image", "backbone", "prompt", "serving", "store", "service", "api", "worker"],
  cli: [
    "contract",
    "engine",
    "image",
    "backbone",
    "dataset",
    "prompt",
    "report",
    "sdk",
    "tuner",
    "serving",
    "worker",
    "local",
  ],
};

/** Run anywhere, so they know no Node. */
const PORTABLE = ["contract", "dataset", "heads", "image", "report", "sdk", "tuner", "zip"];

/** Specifiers of a source file's imports and re-exports, dynamic ones included. */
export function importsOf(source: string): string[] {
  const found = source.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)["']([^"']+)["']/g);
  return [...found].map(([, specifier]) => specifier as string);
}

/** What is wrong with the imports of a file; empty where nothing is. `file` is relative to packages/. */
export function faultsOf(file: string, source: string): string[] {
  const [owner = "", , ...inside] = file.split("/");
  const faults: string[] = [];
  for (const specifier of importsOf(source)) {
    const say = (what: string) => faults.push(`${file} imports ${specifier}: ${what}`);
    if (specifier.startsWith("@kilotune/")) {
      const target = specifier.split("/")[1] as string;
      if (!ALLOWED[owner]?.includes(target)) say(`${owner} may not know ${target}`);
    } else if (specifier.startsWith(".") && !specifier.endsWith("/package.json")) {
      const climbs = specifier.split("/").filter((part) => part === "..").length;
      if (climbs >= inside.length) say("it leaves its package's src");
    } else if (specifier.startsWith("onnxruntime-")) {
      if (!file.startsWith("engine/src/session/"))
        say("ONNX Runtime enters through engine/src/session alone");
    } else if (specifier === "sharp") {
      if (!file.startsWith("image/src/node/")) say("sharp enters through image/src/node alone");
    } else if (specifier.startsWith("node:")) {
      const thin = owner === "engine" && file !== "engine/src/session/node.ts";
      if ((PORTABLE.includes(owner) && !file.startsWith("image/src/node/")) || thin)
        say("this code runs in browsers too");
    }
  }
  return faults;
}
