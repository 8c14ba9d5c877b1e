import { execFile } from "node:child_process";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

/** A package of Python's that tests run, in a virtual environment of its own in the cache folder. */
export interface PythonTool {
  /** Its folder's name. */
  readonly name: string;
  /** As pip takes it, with its version. */
  readonly requirement: string;
}

/**
 * Once: another version is installed anew.
 *
 * @throws where there is no Python 3, or nothing to install from
 */
export async function installPython(cache: string, tool: PythonTool): Promise<void> {
  if ((await installedPython(cache, tool)) !== undefined) return;
  const { folder, python, stamp } = placesOf(cache, tool);
  console.log(`installing ${tool.requirement} into ${folder}, once`);
  await mkdir(folder, { recursive: true });
  const run = promisify(execFile);
  await run("python3", ["-m", "venv", folder]);
  await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", tool.requirement]);
  await writeFile(`${stamp}.tmp`, tool.requirement);
  await rename(`${stamp}.tmp`, stamp);
}

/** The interpreter that has it; undefined where it isn't installed. */
export async function installedPython(cache: string, tool: PythonTool): Promise<string | undefined> {
  const { python, stamp } = placesOf(cache, tool);
  return (await readFile(stamp, "utf8").catch(() => "")) === tool.requirement ? python : undefined;
}

function placesOf(cache: string, { name }: PythonTool) {
  const folder = path.join(cache, "python", name);
  const python = path.join(folder, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  return { folder, python, stamp: path.join(folder, "installed.txt") };
}
