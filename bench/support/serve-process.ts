import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { REPOSITORY } from "./places.ts";

/** `kilotune serve` in a process of its own, stopped at the end. */
export interface ServeProcess extends AsyncDisposable {
  readonly url: string;
  /** Where the folder was new. */
  readonly adminKey: string;
  residentBytes(): Promise<number>;
  /** What it has logged so far. */
  log(): Promise<string>;
}

/** Its log goes to a file beside its folder, as it would in earnest: a pipe would be read by whoever measures. */
export async function serveProcess(data: string, ...flags: readonly string[]): Promise<ServeProcess> {
  const cli = path.join(REPOSITORY, "packages/cli/bin/kilotune.mjs");
  const logFile = `${data}.log`;
  await using log = await open(logFile, "a");
  const argv = [cli, "serve", "--data", data, "--port", "0", "--json", ...flags];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", log.fd] });
  const ended = once(child, "exit");
  const first = await Promise.race([
    once(createInterface({ input: child.stdout! }), "line").then(([line]) => String(line)),
    ended.then(async () => {
      throw new Error(`the server ended at once: ${await readFile(logFile, "utf8")}`);
    }),
  ]);
  const { url, adminKey = "" } = JSON.parse(first);
  return {
    url,
    adminKey,
    async residentBytes() {
      const { stdout } = await promisify(execFile)("ps", ["-o", "rss=", "-p", String(child.pid)]);
      return 1024 * Number(stdout);
    },
    log: () => readFile(logFile, "utf8"),
    async [Symbol.asyncDispose]() {
      const kill = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      child.kill("SIGTERM");
      await ended;
      clearTimeout(kill);
    },
  };
}

const STOP_MS = 30_000;
