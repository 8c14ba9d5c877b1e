import { cp, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import { checkLayer } from "../layers/check.ts";
import { readZip } from "../layers/read-zip.ts";
import { type BuiltLayer, readRecord } from "../layers/record.ts";
import type { Image } from "./images.ts";

/**
 * Lays out what infer.Dockerfile copies: `opt/` as the layers would have made it, `task/` as the function's zip has it. There
 * whole or not at all.
 *
 * @param layers folder of `npm run layer -- build`
 * @param functions folder of `npm run package`
 * @throws KilotuneError `not_built`; what `checkLayer` throws
 */
export async function layOutInfer(
  to: string,
  image: Image,
  { layers, functions }: { readonly layers: string; readonly functions: string },
): Promise<string> {
  const architecture = image.platform === "linux/arm64" ? "arm64" : "x64";
  const backbone = `backbone-${image.name.slice("infer-".length)}`;
  const beside = await layersBeside(layers, backbone, architecture);
  const zip = path.join(functions, "infer.zip");
  if ((await stat(zip).catch(() => undefined)) === undefined) throw notBuilt(zip, "npm run package");
  const temporary = `${to}.${process.pid}.tmp`;
  await rm(temporary, { recursive: true, force: true });
  try {
    await cp(path.join(layers, backbone), path.join(temporary, "opt"), { recursive: true });
    for (const { name } of beside) await unzip(path.join(layers, `${name}.zip`), path.join(temporary, "opt"));
    await unzip(zip, path.join(temporary, "task"));
    await cp(path.join(import.meta.dirname, "infer.Dockerfile"), path.join(temporary, "Dockerfile"));
    await rm(to, { recursive: true, force: true });
    await rename(temporary, to);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  return to;
}

/** ONNX Runtime, and sharp where the backbone reads images. */
async function layersBeside(
  layers: string,
  backbone: string,
  architecture: "arm64" | "x64",
): Promise<BuiltLayer[]> {
  const { layers: all } = await readRecord(layers);
  const ofImages = all.find(({ name }) => name === backbone)?.backbone?.input === "image";
  const names = ["onnxruntime", ...(ofImages ? ["sharp"] : [])].map((name) => `${name}-${architecture}`);
  const found: BuiltLayer[] = [];
  for (const name of names) {
    const layer = all.find((each) => each.name === name);
    if (layer?.kind !== "layer") throw notBuilt(path.join(layers, `${name}.zip`), "npm run layer -- build");
    await checkLayer(layers, layer);
    found.push(layer);
  }
  return found;
}

async function unzip(zip: string, to: string): Promise<void> {
  for (const [name, bytes] of await readZip(zip)) {
    const file = path.join(to, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, bytes);
  }
}

function notBuilt(file: string, command: string): KilotuneError {
  return new KilotuneError("not_built", `expected ${file}, there is none`, `Make it with \`${command}\`.`);
}
