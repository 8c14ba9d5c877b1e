import { type SpawnOptions, spawn } from "node:child_process";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { say, Unavailable } from "./support/bench.ts";
import { CACHE } from "./support/places.ts";

/**
 * Runs a Python script among the peers and returns its stdout, which also goes to stderr as it comes. The peers are
 * installed into the cache folder at the first use; Python's own caches of compiled files stay off.
 * @throws Unavailable where there is no Python, or no network to install from
 */
export async function runPeer(
  script: string,
  args: readonly string[],
  { over }: { readonly over?: Overlay } = {},
): Promise<string> {
  const python = await installPeers();
  const environment = over === undefined ? ENVIRONMENT : await installOver(python, over);
  const { code, stdout, tail } = await runProcess(python, ["-B", script, ...args], environment);
  if (code !== 0) throw new Error(`the peer ${path.basename(script)} failed with exit code ${code}\n${tail}`);
  return stdout;
}

/** Other versions of some packages, laid over the peers' own: torch alone is 700 MB. */
export interface Overlay {
  /** Its folder's name. */
  readonly name: string;
  /** As pip takes them; what they depend on must be among them or among the peers. */
  readonly packages: string;
}

/** A peer that serves, stopped at the end. */
export interface PeerProcess extends AsyncDisposable {
  /** What it printed on its first lines. */
  readonly lines: readonly string[];
}

/** Starts a peer that doesn't end by itself, and waits until it has printed so many lines. */
export async function startPeer(
  script: string,
  args: readonly string[],
  lines: number,
): Promise<PeerProcess> {
  const python = await installPeers();
  // In a group of its own: its workers are processes too, and end with it. It ends itself where its stdin does.
  const options: SpawnOptions = { stdio: ["pipe", "pipe", "pipe"], env: ENVIRONMENT, detached: true };
  const child = spawn(python, ["-B", script, ...args], options);
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let tail = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    tail = (tail + text).slice(-2_000);
  });
  const printed: string[] = [];
  await Promise.race([
    (async () => {
      for await (const line of createInterface({ input: child.stdout! }))
        if (printed.push(line) === lines) return;
    })(),
    ended,
  ]);
  if (printed.length < lines) throw new Error(`the peer ${path.basename(script)} ended at once\n${tail}`);
  return {
    lines: printed,
    async [Symbol.asyncDispose]() {
      process.kill(-(child.pid as number), "SIGKILL");
      await ended;
    },
  };
}

/** What the peers import. This torch is the CPU build; a plain `torch` takes 5 GB of CUDA libraries. */
const PACKAGES =
  "torch==2.13.0 transformers peft onnx onnxruntime safetensors scikit-learn sentence-transformers fastapi uvicorn uvloop httptools";

/** Whether they are here, so that a test may ask them without a download of minutes. */
export async function hasPeers(): Promise<boolean> {
  return (await readFile(STAMP, "utf8").catch(() => "")) === PACKAGES;
}

const FOLDER = path.join(CACHE, "python", "peers");
const STAMP = path.join(FOLDER, "installed.txt");

async function installPeers(): Promise<string> {
  const python = path.join(FOLDER, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  if (await hasPeers()) return python;
  say(`installing the Python peers into ${FOLDER}, once; about 2 minutes: ${PACKAGES}`);
  await mkdir(FOLDER, { recursive: true });
  await orUnavailable("make a virtual environment", "python3", ["-m", "venv", FOLDER]);
  const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...PACKAGES.split(" ")];
  await orUnavailable("install the peers", python, install);
  await writeFile(`${STAMP}.tmp`, PACKAGES);
  await rename(`${STAMP}.tmp`, STAMP);
  return python;
}

/** The environment in which Python finds the overlay first. */
async function installOver(python: string, { name, packages }: Overlay): Promise<NodeJS.ProcessEnv> {
  const folder = path.join(CACHE, "python", name);
  const stamp = path.join(folder, "installed.txt");
  if ((await readFile(stamp, "utf8").catch(() => "")) !== packages) {
    say(`installing into ${folder}, once: ${packages}`);
    await rm(folder, { recursive: true, force: true });
    const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"];
    await orUnavailable(`install ${name}`, python, [...install, "--target", folder, ...packages.split(" ")]);
    await writeFile(`${stamp}.tmp`, packages);
    await rename(`${stamp}.tmp`, stamp);
  }
  return { ...ENVIRONMENT, PYTHONPATH: folder };
}

async function orUnavailable(what: string, command: string, args: readonly string[]): Promise<void> {
  const { code, tail } = await runProcess(command, args).catch((error: Error) => ({
    code: -1,
    tail: error.message,
  }));
  if (code !== 0) throw new Unavailable(`can't ${what} (${command} ${args.join(" ")}):\n${tail}`);
}

/** `tail`: the last of what it wrote to stderr. */
async function runProcess(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = ENVIRONMENT,
): Promise<{ code: number; stdout: string; tail: string }> {
  const options: SpawnOptions = { stdio: ["ignore", "pipe", "pipe"], env };
  const child = spawn(command, args, options);
  let stdout = "";
  let tail = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    process.stderr.write(text);
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    tail = (tail + text).slice(-2_000);
  });
  const code = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode) => resolve(exitCode ?? -1));
  });
  return { code, stdout, tail };
}

/** No look at the hub for newer files, no progress bars of loading. */
const ENVIRONMENT = {
  ...process.env,
  HF_HUB_OFFLINE: "1",
  TRANSFORMERS_VERBOSITY: "error",
  HF_HUB_DISABLE_PROGRESS_BARS: "1",
};
