import { type SpawnOptions, spawn } from "node:child_process";
import path from "node:path";

export interface Ended {
  /** null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `kilotune ARGV` as a process, whose input is nothing. @param onStderr told of all that was said so far */
export function started(
  argv: readonly string[],
  options: Pick<SpawnOptions, "cwd" | "env" | "detached"> = {},
  onStderr: (said: string) => void = () => {},
) {
  const child = spawn(process.execPath, [CLI, ...argv], { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => {
      said[name] += text;
      if (name === "stderr") onStderr(said.stderr);
    });
  const { promise, resolve } = Promise.withResolvers<Ended>();
  child.on("close", (code) => resolve({ code, ...said }));
  return { process: child, ended: promise };
}

const CLI = path.resolve(import.meta.dirname, "../packages/cli/bin/kilotune.mjs");
