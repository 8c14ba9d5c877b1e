import { createRequire } from "node:module";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import { FUNCTIONS, type FunctionName } from "../../packages/aws/src/functions/functions.ts";
import { type LayerFile, measure } from "../layers/content.ts";
import { megabytes } from "../layers/limits.ts";
import { writeZip } from "../layers/write-zip.ts";
import { bundle, entryOf } from "./bundle.ts";

export interface PackagedFunction {
  readonly name: FunctionName;
  readonly zipBytes: number;
  readonly unzippedBytes: number;
  /** Of the zip; the same sources make the same one. */
  readonly sha256: string;
}

/** Of each function's zip. */
export const ZIP_BYTES = 5_000_000;

/**
 * Packs functions, a zip each, into `out/<name>.zip`.
 *
 * @throws KilotuneError `over_budget`, `duplicate_package`
 */
export async function packageFunctions(
  out: string,
  names: readonly FunctionName[] = Object.keys(FUNCTIONS) as FunctionName[],
): Promise<PackagedFunction[]> {
  return Promise.all(
    names.map(async (name) => {
      const { files, inputs } = await bundle(entryOf(name), ROOT);
      refuseDuplicates(name, inputs);
      const content = await measure([...files, ...(name === "api" ? referencePage() : [])]);
      const { sizeBytes, sha256 } = await writeZip(content.files, path.join(out, `${name}.zip`));
      if (sizeBytes > ZIP_BYTES) throw overBudget(name, sizeBytes);
      return { name, zipBytes: sizeBytes, unzippedBytes: content.unzippedBytes, sha256 };
    }),
  );
}

/** Packages that are there in two versions or places, by name. */
export function duplicatesOf(inputs: readonly string[]): Map<string, string[]> {
  const places = new Map<string, Set<string>>();
  for (const input of inputs) {
    const [, folder, name] = /^(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(input) ?? [];
    if (folder === undefined || name === undefined) continue;
    places.set(name, (places.get(name) ?? new Set()).add(folder));
  }
  const several = [...places].filter(([, folders]) => folders.size > 1);
  return new Map(several.map(([name, folders]) => [name, [...folders].sort()]));
}

const ROOT = path.resolve(import.meta.dirname, "../..");

/** What `/docs` shows, where `require` finds it. */
function referencePage(): LayerFile[] {
  const folder = path.dirname(createRequire(`${ROOT}/packages/api/`).resolve("swagger-ui-dist/package.json"));
  const names = ["package.json", "swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png", "LICENSE"];
  return names.map((name) => ({
    path: `node_modules/swagger-ui-dist/${name}`,
    source: path.join(folder, name),
  }));
}

function refuseDuplicates(name: FunctionName, inputs: readonly string[]): void {
  const [first] = duplicatesOf(inputs);
  if (first === undefined) return;
  throw new KilotuneError(
    "duplicate_package",
    `the function ${name}: expected one ${first[0]}, saw ${first[1].join(" and ")}`,
    "Bring the versions in package.json together (npm dedupe).",
  );
}

function overBudget(name: FunctionName, bytes: number): KilotuneError {
  return new KilotuneError(
    "over_budget",
    `the function ${name}: expected a zip of at most ${megabytes(ZIP_BYTES)}, saw ${megabytes(bytes)}`,
    "Look at what it imports: npx esbuild --analyze on its source.",
  );
}
