import { execFile } from "node:child_process";
import { readdir, readFile, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { promisify } from "node:util";
import { KilotuneError } from "@kilotune/contract";
import { headOf, type LayerFile } from "./content.ts";
import { type Architecture, elfMachine } from "./elf.ts";

/** Folders of the two npm packages. */
export interface OnnxRuntimePackages {
  readonly node: string;
  readonly common: string;
  readonly version: string;
}

/**
 * What a Lambda function needs of onnxruntime-node on one architecture: its libraries, its JavaScript, and
 * onnxruntime-common. Left out: other platforms, types, sources, install scripts and what those need, CUDA.
 *
 * @returns files below /opt/nodejs/node_modules, where Lambda's `require` looks
 * @throws KilotuneError `wrong_architecture`, `not_a_library`, `missing_onnxruntime`
 */
export async function onnxRuntimeFiles(
  packages: OnnxRuntimePackages,
  architecture: Architecture,
): Promise<LayerFile[]> {
  const libraries = await librariesOf(packages, architecture);
  for (const { source } of libraries) await assertArchitecture(source as string, architecture);
  return [
    ...libraries,
    ...(await scriptsOf(packages.node, "onnxruntime-node", "dist")),
    ...(await scriptsOf(packages.common, "onnxruntime-common", "dist/cjs")),
  ];
}

/**
 * The installed packages, or onnxruntime-node from elsewhere.
 *
 * @param from a folder of the package, or its npm tarball (.tgz); the installed one where left out
 * @param scratch folder for what the tarball holds
 * @throws KilotuneError `missing_onnxruntime`, `version_mismatch`
 */
export async function findOnnxRuntime(
  from: string | undefined,
  scratch: string,
): Promise<OnnxRuntimePackages> {
  const engine = createRequire(new URL("../../packages/engine/package.json", import.meta.url));
  const folderOf = (name: string) => path.resolve(path.dirname(engine.resolve(name)), "..");
  let node: string;
  let common: string;
  try {
    // Its main file is dist/index.js; onnxruntime-common's is dist/cjs/index.js.
    common = path.resolve(folderOf("onnxruntime-common"), "..");
    node = from === undefined ? folderOf("onnxruntime-node") : await folderFrom(from, scratch);
  } catch (cause) {
    if (cause instanceof KilotuneError) throw cause;
    throw missing(`it isn't installed (${(cause as Error).message})`, cause);
  }
  const [version, commonVersion] = await Promise.all([versionOf(node), versionOf(common)]);
  if (version !== commonVersion) {
    throw new KilotuneError(
      "version_mismatch",
      `expected onnxruntime-node ${commonVersion}, as onnxruntime-common is installed; saw ${version} in ${from ?? node}`,
      "Give a tarball of the installed version, or install that version.",
    );
  }
  return { node, common, version };
}

/** @throws KilotuneError `wrong_architecture`, `not_a_library` */
export async function assertArchitecture(
  source: string | Uint8Array,
  architecture: Architecture,
  name = typeof source === "string" ? source : "a library",
): Promise<void> {
  const seen = elfMachine(await headOf(source));
  if (seen === architecture) return;
  if (seen === undefined)
    throw new KilotuneError(
      "not_a_library",
      `expected a Linux library (ELF) at ${name}, saw other bytes`,
      "Install onnxruntime-node again, or give its tarball as npm has it.",
    );
  throw new KilotuneError(
    "wrong_architecture",
    `expected libraries for ${architecture} only; ${name} is for ${seen}`,
    "A function would fail at its start. Install onnxruntime-node again, or give its tarball as npm has it.",
  );
}

async function librariesOf({ node }: OnnxRuntimePackages, architecture: Architecture): Promise<LayerFile[]> {
  const bin = await readdir(path.join(node, "bin")).catch(() => []);
  const versions = bin.filter((name) => /^napi-v\d+$/.test(name));
  const within = path.posix.join("bin", versions[0] ?? "napi-v*", "linux", architecture);
  const names = versions.length === 1 ? await readdir(path.join(node, within)).catch(() => []) : [];
  const needed = names.filter((name) => !name.startsWith("libonnxruntime_providers_")).sort();
  if (!needed.some((name) => name.endsWith(".node")))
    throw missing(`there is no binding in ${path.join(node, within)}`);
  return needed.map((name) => ({
    path: `${MODULES}/onnxruntime-node/${within}/${name}`,
    source: path.join(node, within, name),
  }));
}

/** The package's JavaScript in a folder and below, and its package.json files. */
async function scriptsOf(folder: string, name: string, within: string): Promise<LayerFile[]> {
  const names = await readdir(path.join(folder, within), { recursive: true });
  const scripts = names.filter((each) => each.endsWith(".js") || path.basename(each) === "package.json");
  if (scripts.length === 0) throw missing(`there is no JavaScript in ${path.join(folder, within)}`);
  const files = ["package.json", ...scripts.map((each) => path.join(within, each))];
  return files.map((file) => ({
    path: path.posix.join(MODULES, name, ...file.split(path.sep)),
    source: path.join(folder, file),
  }));
}

const MODULES = "nodejs/node_modules";

async function folderFrom(from: string, scratch: string): Promise<string> {
  const seen = await stat(from).catch((cause) => {
    throw missing(`there is nothing at ${from}`, cause);
  });
  if (seen.isDirectory()) return from;
  // npm's tarballs hold all below package/. tar refuses paths that leave the folder.
  await promisify(execFile)("tar", ["-xzf", from, "-C", scratch]).catch((cause) => {
    throw missing(`${from} isn't an npm tarball`, cause);
  });
  // npm packs none; one could lead to any file of this machine.
  const entries = await readdir(scratch, { recursive: true, withFileTypes: true });
  const link = entries.find((entry) => !entry.isFile() && !entry.isDirectory());
  if (link !== undefined) throw missing(`${from} holds ${link.name}, which is neither file nor folder`);
  return path.join(scratch, "package");
}

async function versionOf(folder: string): Promise<string> {
  try {
    const { version } = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
    return String(version);
  } catch (cause) {
    throw missing(`there is no package.json in ${folder}`, cause);
  }
}

function missing(seen: string, cause?: unknown): KilotuneError {
  return new KilotuneError(
    "missing_onnxruntime",
    `expected the npm package onnxruntime-node: ${seen}`,
    "Run npm ci, or give its folder or tarball with --onnxruntime.",
    { cause },
  );
}
