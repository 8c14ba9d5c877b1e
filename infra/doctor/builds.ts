import { stat } from "node:fs/promises";
import path from "node:path";
import { FUNCTIONS } from "../../packages/aws/src/functions/functions.ts";
import { ZIP_BYTES } from "../functions/package.ts";
import { checkLayers } from "../layers/check.ts";
import { megabytes } from "../layers/limits.ts";
import { type Artifacts, artifactsIn } from "../stack/artifacts.ts";
import type { Settings } from "../stack/settings.ts";
import { type Finding, fromError, missing, ok } from "./finding.ts";

/** Of all functions, as infra/stack/layers.ts has it. */
const ARCHITECTURE = "arm64";

/** What has to be built first: functions, layers, images; each read as the deployment will, and against its budget. */
export async function buildFindings(
  folder: string,
  { tuneOn }: Settings,
  tell: (words: string) => void,
): Promise<Finding[]> {
  const built = artifactsIn(folder);
  return [
    await found("functions", () => functions(built)),
    await found("layers", () => layers(folder, built, tell)),
    await found("images", () => images(built, tuneOn)),
  ];
}

async function found(name: string, check: () => Promise<Finding>): Promise<Finding> {
  try {
    return await check();
  } catch (error) {
    return fromError(name, error);
  }
}

async function functions(built: Artifacts): Promise<Finding> {
  const names = Object.keys(FUNCTIONS);
  let largest = 0;
  for (const name of names) {
    const { path: file } = built.functionZip(name);
    const { size } = await stat(file);
    if (size > ZIP_BYTES)
      return missing(
        "functions",
        `${path.basename(file)} has ${megabytes(size)}, and may have ${megabytes(ZIP_BYTES)}.`,
        "Look at what it imports, then `npm run package`.",
      );
    largest = Math.max(largest, size);
  }
  return ok("functions", `${names.length} zips, the largest of ${megabytes(largest)}`);
}

/** Every byte of every layer is read, and each library's processor. */
async function layers(folder: string, built: Artifacts, tell: (words: string) => void): Promise<Finding> {
  const backbones = built.backbones();
  const inLayers = backbones.filter(({ kind }) => kind === "layer");
  if (inLayers.length > 0) built.layerZip(`onnxruntime-${ARCHITECTURE}`, ARCHITECTURE);
  if (inLayers.some(({ backbone }) => backbone.input === "image"))
    built.layerZip(`sharp-${ARCHITECTURE}`, ARCHITECTURE);
  for (const { name } of inLayers) built.layerZip(name, ARCHITECTURE);
  const { totalUnzippedBytes } = await checkLayers(path.join(folder, "layers"), tell);
  const ids = backbones.map(({ backbone: { id } }) => id).join(", ");
  return ok("layers", `${ids}, ${ARCHITECTURE}, ${megabytes(totalUnzippedBytes)} with code`);
}

/** Of the machines that tune, and of functions whose backbone is too large for a layer. */
async function images(built: Artifacts, tuneOn: Settings["tuneOn"]): Promise<Finding> {
  built.imageByDigest(`job-${tuneOn}`);
  const large = built.backbones().filter(({ kind }) => kind === "image");
  const names = large.map(({ name }) => name.replace("backbone-", "infer-"));
  for (const name of names) built.imageByDigest(name);
  return ok("images", [`job-${tuneOn}`, ...names].join(", "));
}
