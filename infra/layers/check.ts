import path from "node:path";
import { sha256OfFile } from "@kilotune/backbone";
import { KilotuneError } from "@kilotune/contract";
import { type Content, measure } from "./content.ts";
import {
  assertBackboneBudget,
  assertOnnxRuntimeBudget,
  assertSharpBudget,
  CODE_UNZIPPED,
  overBudget,
  TOTAL_UNZIPPED,
} from "./limits.ts";
import { assertArchitecture } from "./onnxruntime.ts";
import { readZip } from "./read-zip.ts";
import { type BuiltLayer, type Layer, RECORD_FILE, readLayers } from "./record.ts";

export interface Checked {
  readonly layers: readonly Layer[];
  /** Of the backbone that makes it most, with the largest of what stands beside it and `codeBytes`. */
  readonly totalUnzippedBytes: number;
  readonly codeBytes: number;
}

/**
 * Reads every built layer as Lambda will: hashes, sizes, budgets, paths, and each library's processor.
 *
 * @param codeBytes unzipped size of the largest function that has layers; what is kept free for it where left out
 * @throws KilotuneError `no_layers`, `damaged_layer`, `wrong_architecture`, `not_a_library`, `over_budget`
 */
export async function checkLayers(
  out: string,
  tell: (words: string) => void,
  codeBytes = CODE_UNZIPPED,
): Promise<Checked> {
  const layers = await readLayers(out);
  for (const layer of layers) {
    tell(`${layer.name}: checking`);
    if (layer.kind === "layer") await checkLayer(out, layer);
  }
  const largest = (prefix: string) =>
    Math.max(
      0,
      ...layers
        .filter(({ name, kind }) => kind === "layer" && name.startsWith(prefix))
        .map(({ unzippedBytes }) => unzippedBytes),
    );
  const [runtime, sharp] = [largest("onnxruntime-"), largest("sharp-")];
  const totals = layers.map(({ kind, backbone, unzippedBytes }) =>
    kind === "image" || backbone === undefined ? 0 : unzippedBytes + (backbone.input === "image" ? sharp : 0),
  );
  const totalUnzippedBytes = runtime + Math.max(0, ...totals) + codeBytes;
  if (totalUnzippedBytes > TOTAL_UNZIPPED)
    throw overBudget("layers and code together", totalUnzippedBytes, TOTAL_UNZIPPED);
  return { layers, totalUnzippedBytes, codeBytes };
}

/** @throws KilotuneError `damaged_layer`, `wrong_architecture`, `not_a_library`, `over_budget` */
export async function checkLayer(out: string, layer: BuiltLayer): Promise<void> {
  const { name, unzippedBytes, contentSha256, zipSha256, architectures, backbone } = layer;
  const file = path.join(out, `${name}.zip`);
  const seen = await sha256OfFile(file).catch((cause: Error) => {
    throw damaged(file, cause.message);
  });
  if (seen !== zipSha256) throw damaged(file, `its SHA-256 is ${seen}`);
  const content = await contentOf(file);
  if (content.sha256 !== contentSha256 || content.unzippedBytes !== unzippedBytes)
    throw damaged(file, "its files are others");
  if (name.startsWith("onnxruntime-")) assertOnnxRuntimeBudget(architectures.join(), unzippedBytes);
  else if (name.startsWith("sharp-")) assertSharpBudget(architectures.join(), unzippedBytes);
  else assertBackboneBudget(name.replace(/^backbone-/, ""), backbone?.precision ?? "fp32", unzippedBytes);
  for (const { path: inside, source } of content.files) {
    if (!LIBRARY.test(inside)) continue;
    for (const architecture of architectures)
      await assertArchitecture(source, architecture, `${name}: ${inside}`);
  }
}

const LIBRARY = /\.(node|so)(\.\d+)*$/;

async function contentOf(file: string): Promise<Content> {
  const files = await readZip(file).catch((cause: Error) => {
    throw damaged(file, cause.message);
  });
  return measure([...files].map(([name, source]) => ({ path: name, source })));
}

function damaged(file: string, seen: string): KilotuneError {
  return new KilotuneError(
    "damaged_layer",
    `expected ${file} as ${RECORD_FILE} tells of it: ${seen}`,
    "Build it again with `npm run layer -- build`.",
  );
}
