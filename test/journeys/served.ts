import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";

const cli = path.resolve(import.meta.dirname, "../../packages/cli/bin/kilotune.mjs");

/** A real `kilotune serve` in a process of its own. */
export interface Served {
  readonly url: string;
  /** Where the folder was new. */
  readonly adminKey: string | undefined;
  readonly process: ChildProcess;
  /** SIGTERM; its exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL, as a power cut. */
  kill(): Promise<void>;
}

export function served(data: string, ...flags: readonly string[]): Promise<Served> {
  return servedWith({}, data, ...flags);
}

/** `environment`: on top of this process's own. */
export async function servedWith(
  environment: Readonly<Record<string, string>>,
  data: string,
  ...flags: readonly string[]
): Promise<Served> {
  const argv = [cli, "serve", "--data", data, "--port", "0", "--json", ...flags];
  const env = { ...process.env, ...environment };
  const child = spawn(process.execPath, argv, { env, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit");
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-4000);
  });
  const first = await Promise.race([
    once(createInterface({ input: child.stdout }), "line").then(([line]) => String(line)),
    ended.then(() => {
      throw new Error(`the server ended at once: ${said}`);
    }),
  ]);
  const { url, adminKey } = JSON.parse(first);
  return {
    url,
    adminKey,
    process: child,
    async stop() {
      child.kill("SIGTERM");
      await ended;
      return child.exitCode;
    },
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** With an admin key: a tenant, by its key. */
export async function newTenant(
  { url }: Pick<Served, "url">,
  adminKey: string,
  name: string,
): Promise<string> {
  const answer = await fetch(`${url}/admin/tenants`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
    body: JSON.stringify({ name, plan: "business" }),
  });
  if (answer.status !== 201) throw new Error(`a tenant was refused: ${await answer.text()}`);
  const { key } = (await answer.json()) as { key: { secret: string } };
  return key.secret;
}
