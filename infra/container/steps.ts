import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { elfMachine } from "../layers/elf.ts";

/*
 * The steps that build an image's /app, one a call: `node infra/container/steps.ts STEP`, in the folder where package.json
 * is. The Dockerfile runs them, and so can anybody without Docker. They know nothing but Node: they run before there is
 * anything else.
 */
const STEPS: Readonly<Record<string, (words: readonly string[]) => void | Promise<void>>> = {
  install,
  cuda,
  prune,
  sbom: ([backbones = "", out = "sbom.json"]) => sbom(backbones, out),
  verify: ([backbones = ""]) => verify(backbones),
};

/** What @kilotune/aws stands on, from the lock file, whose hashes npm checks; no package runs a script of its own. */
export function install(): void {
  const words = [
    "ci",
    "--omit=dev",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    `--workspace=${WORKSPACE}`,
  ];
  execFileSync("npm", words, { stdio: "inherit" });
}

/**
 * ONNX Runtime's CUDA libraries, which aren't in its npm package: its own script fetches them. That script of 1.30 passes
 * over a word that it doesn't know, `cuda12` among them, and then fetches them because they are missing; so what counts is
 * that they are there afterwards.
 */
export function cuda(): void {
  execFileSync(process.execPath, [path.join(RUNTIME, "script", "install.js")], {
    stdio: "inherit",
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "cuda12" },
  });
  checkCuda();
}

/** @throws where a library is missing or of another processor */
export function checkCuda(): void {
  for (const name of CUDA_LIBRARIES) {
    const file = path.join(librariesFolder(), name);
    if (!existsSync(file)) fail(`expected ${name} after onnxruntime-node's script, it isn't there`);
    checkLibrary(file);
  }
}

/** Leaves out what never runs here: other platforms' libraries, TensorRT, the browser's runtime, install scripts. */
export function prune(): void {
  const keep = librariesFolder() + path.sep;
  for (const file of filesBelow(path.join(RUNTIME, "bin"))) {
    if (!file.startsWith(keep) || file.endsWith("_tensorrt.so")) rmSync(file);
  }
  for (const folder of ["script", "lib"])
    rmSync(path.join(RUNTIME, folder), { recursive: true, force: true });
  rmSync(path.join("node_modules", "onnxruntime-web"), { recursive: true, force: true });
}

/**
 * A bill of materials (CycloneDX 1.6): every installed package by npm's own list of them, with the SHA-512 that was checked;
 * native libraries and backbones with their SHA-256. npm's own `npm sbom` leaves out a third of a workspace's packages.
 */
export function sbom(backbones: string, out: string): void {
  const lock = JSON.parse(readFileSync(path.join("node_modules", ".package-lock.json"), "utf8"));
  const bill = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: { type: "application", name: WORKSPACE, version: lock.version } },
    components: [
      ...Object.entries<Installed>(lock.packages)
        .filter(([at, { link }]) => at.startsWith("node_modules/") && !link && existsSync(at))
        .map(([at, installed]) => library(at.slice(at.lastIndexOf(MODULES) + MODULES.length), installed)),
      ...readdirSync(librariesFolder()).map((name) => ({
        type: "file",
        name: `onnxruntime-node/${name}`,
        hashes: [sha256(path.join(librariesFolder(), name))],
      })),
      ...bundlesOf(backbones).map((folder) => {
        const { id, licence } = JSON.parse(readFileSync(path.join(folder, "manifest.json"), "utf8"));
        const hashes = [sha256(path.join(folder, "weights.safetensors"))];
        return { type: "machine-learning-model", name: id, licenses: licences(licence), hashes };
      }),
    ],
  };
  writeFileSync(out, `${JSON.stringify(bill, null, 2)}\n`);
}

interface Installed {
  readonly version: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly link?: boolean;
}

function library(name: string, { version, integrity = "", license }: Installed) {
  const [algorithm, base64 = ""] = integrity.split("-", 2);
  return {
    type: "library",
    name,
    version,
    purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
    licenses: licences(license),
    hashes:
      algorithm === "sha512"
        ? [{ alg: "SHA-512", content: Buffer.from(base64, "base64").toString("hex") }]
        : [],
  };
}

/** SPDX's names, joined by its words, as they are; anything else as somebody's own words. */
function licences(words = "unknown") {
  const isSpdx = /^\(?[\w.+-]+( (OR|AND|WITH) [\w.+-]+)*\)?$/.test(words) && !OWN_WORDS.has(words);
  return isSpdx ? [{ expression: words }] : [{ license: { name: words } }];
}

/** Every native library is for this processor, and every backbone opens on it: what is wrong fails the build, not a job. */
export async function verify(backbones: string): Promise<void> {
  for (const name of readdirSync(librariesFolder())) checkLibrary(path.join(librariesFolder(), name));
  const bundles = bundlesOf(backbones);
  if (bundles.length === 0) fail(`expected backbones' bundles in ${backbones}, saw none`);
  const program = `
    const { readFileSync } = await import("node:fs");
    const { openBundle, openVisionBundle } = await import("@kilotune/backbone");
    const { createSharpCodec } = await import("@kilotune/image/node");
    createSharpCodec();
    const images = { kind: "serve", wanted: { cls: false, patches: true, taps: [] } };
    for (const folder of process.argv.slice(1)) {
      const { kind } = JSON.parse(readFileSync(folder + "/manifest.json", "utf8"));
      const backbone = await (kind === "vision" ? openVisionBundle : openBundle)(folder);
      if (backbone === undefined) throw new Error(folder + " is of another version of Kilotune");
      await (await backbone.open(kind === "vision" ? images : { kind: "serve" })).release();
    }`;
  execFileSync(process.execPath, ["--input-type=module", "-e", program, ...bundles], { stdio: "inherit" });
  execFileSync(process.execPath, [ENTRY, "--help"], { stdio: ["ignore", "ignore", "inherit"] });
}

export const ENTRY = "packages/aws/src/container/main.ts";
export const CUDA_LIBRARIES = ["libonnxruntime_providers_cuda.so", "libonnxruntime_providers_shared.so"];

const WORKSPACE = "packages/aws";
const MODULES = "node_modules/";
/** What stands in place of an SPDX name. */
const OWN_WORDS: ReadonlySet<string> = new Set(["unknown", "UNLICENSED"]);
const RUNTIME = path.join(MODULES, "onnxruntime-node");

function librariesFolder(): string {
  const [version] = readdirSync(path.join(RUNTIME, "bin"));
  return path.join(RUNTIME, "bin", version as string, process.platform, process.arch);
}

function checkLibrary(file: string): void {
  const seen = elfMachine(readFileSync(file).subarray(0, 64));
  if (seen !== process.arch) fail(`expected ${file} for ${process.arch}, saw ${seen ?? "no ELF file"}`);
}

/** Folders of bundles in a folder. */
function bundlesOf(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const inner = readdirSync(folder).map((name) => path.resolve(folder, name));
  return inner.filter((each) => existsSync(path.join(each, "manifest.json")));
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map((name) => path.join(folder, String(name)))
    .filter((file) => !statSync(file).isDirectory());
}

function sha256(file: string) {
  return { alg: "SHA-256", content: createHash("sha256").update(readFileSync(file)).digest("hex") };
}

function fail(words: string): never {
  throw new Error(words);
}

// Last: constants above are there by now.
if (import.meta.main) {
  const [name = "", ...words] = process.argv.slice(2);
  const step = Object.hasOwn(STEPS, name) ? STEPS[name] : undefined;
  if (step === undefined)
    fail(`expected a step of ${Object.keys(STEPS).join(", ")}, saw ${JSON.stringify(name)}`);
  await step(words);
}
