import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, readlink } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";

const CLI = path.resolve(import.meta.dirname, "../../packages/cli/bin/kilotune.mjs");

/** `kilotune serve` in a process of its own, on any free port of this machine. */
export async function served(folder: string, ...flags: readonly string[]) {
  const argv = [CLI, "serve", "--data", folder, "--port", "0", "--json", ...flags];
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(child, "exit");
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), "line"),
    ended.then(() => {
      throw new Error("the server ended at once");
    }),
  ]);
  const { url, adminKey } = JSON.parse(String(line)) as { url: string; adminKey: string };
  return {
    url,
    adminKey,
    pid: child.pid as number,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** A process's TCP connections to other machines, as Linux lists them; undefined elsewhere. */
export async function countedOut(pid: number): Promise<number | undefined> {
  if (process.platform !== "linux") return undefined;
  const links = (await readdir(`/proc/${pid}/fd`)).map((fd) =>
    readlink(`/proc/${pid}/fd/${fd}`).catch(() => ""),
  );
  const own = new Set((await Promise.all(links)).map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]));
  let count = 0;
  for (const table of ["tcp", "tcp6"]) {
    const rows = (await readFile(`/proc/${pid}/net/${table}`, "utf8")).trim().split("\n").slice(1);
    for (const row of rows) {
      const fields = row.trim().split(/\s+/);
      const remote = fields[2]?.split(":")[0] ?? "";
      // 0: a port that listens. 127.0.0.1 is written backwards, in four bytes or behind ::ffff.
      const isHere = /^0+$/.test(remote) || remote.endsWith("0100007F") || /^0+1000000$/.test(remote);
      if (own.has(fields[9]) && !isHere) count++;
    }
  }
  return count;
}
