import { chmod, mkdir, mkdtemp, rm, writeFile, copyFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { cacheFolder } from "@kilotune/backbone";
import { packageFunctions } from "../../infra/functions/package.ts";
import { backboneContent } from "../../infra/layers/backbone.ts";
import { findOnnxRuntime, onnxRuntimeFiles } from "../../infra/layers/onnxruntime.ts";
import { readZip } from "../../infra/layers/read-zip.ts";
import { sharpFiles } from "../../infra/layers/sharp.ts";
import type { FunctionName } from "../../packages/aws/src/functions/functions.ts";

/** Functions and layers as they are deployed, unpacked: folders for /var/task and /opt. */
export interface Built extends AsyncDisposable {
  codeOf(name: FunctionName): string;
  readonly layers: string;
  /** Another /opt: of these layers alone. */
  otherLayers(which: Layers): Promise<string>;
}

interface Layers {
  readonly runtime?: "x64" | "arm64";
  /** Decodes images. */
  readonly sharp?: "x64" | "arm64";
  /** The one that was built with, or the folder of another's bundle. */
  readonly backbone?: boolean | string;
}

/** @param bundle folder of the backbone's */
export async function build(names: readonly FunctionName[], bundle: string): Promise<Built> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-built-"));
  await chmod(folder, 0o755);
  await packageFunctions(path.join(folder, "zips"), names);
  for (const name of names) {
    const files = await readZip(path.join(folder, "zips", `${name}.zip`));
    for (const [file, bytes] of files) await put(path.join(folder, name, file), bytes);
  }
  let count = 0;
  const otherLayers: Built["otherLayers"] = async ({ runtime, sharp, backbone = false }) => {
    const to = path.join(folder, `opt-${count++}`);
    await mkdir(to);
    const packages = await findOnnxRuntime(undefined, folder);
    const files = [
      ...(runtime === undefined ? [] : await onnxRuntimeFiles(packages, runtime)),
      ...(sharp === undefined ? [] : (await sharpFiles(sharp, FETCHED)).files),
      ...(backbone === false
        ? []
        : (await backboneContent(backbone === true ? bundle : backbone)).content.files),
    ];
    for (const { path: name, source } of files) await put(path.join(to, name), source);
    return to;
  };
  return {
    codeOf: (name) => path.join(folder, name),
    layers: await otherLayers({ runtime: process.arch as "x64", backbone: true }),
    otherLayers,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

const FETCHED = { cache: cacheFolder(process.env), tell: () => {} };

async function put(file: string, source: string | Uint8Array): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  if (typeof source === "string") await copyFile(source, file);
  else await writeFile(file, source);
  await chmod(file, 0o444);
}
