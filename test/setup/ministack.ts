import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout } from "node:timers/promises";
import { installedPython, type PythonTool } from "./python-tool.ts";

/** AWS in one process on this machine: https://pypi.org/project/ministack (MIT). */
export const MINISTACK: PythonTool = { name: "ministack", requirement: "ministack==1.5.33" };
const START_SECONDS = 20;

export interface Ministack {
  /** Takes the requests of all services, whatever the credentials and the region. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Starts ministack on a free port of 127.0.0.1, with nothing in it; undefined where it isn't installed. */
export async function startMinistack(
  cache: string,
  services: readonly string[],
): Promise<Ministack | undefined> {
  const python = await installedPython(cache, MINISTACK);
  if (python === undefined) return undefined;
  const port = await freePort();
  const child = spawn(python, ["-c", PROGRAM], {
    env: {
      PATH: process.env.PATH,
      BIND_HOST: "127.0.0.1", // It would be open to the network.
      GATEWAY_PORT: String(port),
      IOT_MTLS_ENABLED: "0",
      SERVICES: services.join(),
    },
    stdio: ["pipe", "ignore", "pipe"],
  });
  const endpoint = `http://127.0.0.1:${port}`;
  await untilReady(`${endpoint}/_ministack/health`, child);
  return {
    endpoint,
    async stop() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}

/** It ends once its input does, which is when the tests end, in whichever way. */
const PROGRAM = `
import os, sys, threading
def wait():
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=wait, daemon=True).start()
sys.argv = ["ministack"]
from ministack.app import main
main()
`;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  let words = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-2000);
  });
  for (const end = Date.now() + START_SECONDS * 1000; Date.now() < end; await setTimeout(50)) {
    if (child.exitCode !== null) throw new Error(`ministack ended with ${child.exitCode}: ${words}`);
    if (
      await fetch(url).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return;
  }
  child.kill();
  throw new Error(`ministack wasn't ready within ${START_SECONDS} s: ${words}`);
}
