import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Answer, Call, Told } from "./runtime/runtime.ts";

export interface LambdaOptions {
  /** Folder of the unpacked zip, as /var/task. */
  readonly code: string;
  /** Folder of the unpacked layers, as /opt. */
  readonly layers?: string;
  readonly name: string;
  readonly handler?: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Default 1,769 MB: one whole processor. */
  readonly memoryMb?: number;
  /** Of /tmp. Default 512 MB. */
  readonly tmpBytes?: number;
  /** A processor to run on alone. */
  readonly cpu?: number;
}

/** A function's instance: one process, one event at a time. */
export interface LambdaProcess extends AsyncDisposable {
  /** From the making of the process to its first line, and to the end of the function's own start. */
  readonly bootedMs: number;
  readonly startedMs: number;
  readonly pid: number;
  invoke(event: unknown, timeoutMs?: number): Promise<Answer>;
  /** What it has written so far, stdout and stderr. */
  log(): string;
  /** Bytes in memory now. */
  residentBytes(): number;
}

/**
 * Whether this machine lets us lay out folders for one process alone: else it gets them by its environment, as it does where
 * KILOTUNE_TEST_MOUNTS is `off`.
 */
export const MOUNTS = (() => {
  if (process.env.KILOTUNE_TEST_MOUNTS === "off") return false;
  try {
    execFileSync("unshare", ["--mount", "true"], { stdio: "ignore" });
    const covered = ["/opt/", "/var/", "/tmp/"].some((folder) => process.execPath.startsWith(folder));
    return process.getuid?.() === 0 && !covered;
  } catch {
    return false;
  }
})();

/**
 * A built function as Lambda runs it: a fresh process as nobody, its code and layers read-only where Lambda has them, a
 * /tmp of its own that is bounded, memory bounded by `ulimit`; nothing of this repository is within its reach.
 */
export async function startLambda(options: LambdaOptions): Promise<LambdaProcess> {
  const { name, code, environment, handler = "index.handler", memoryMb = 1769 } = options;
  const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-lambda-"));
  const layers = options.layers ?? path.join(folder, "opt");
  const tmp = path.join(folder, "tmp");
  await mkdir(layers, { recursive: true });
  await mkdir(tmp);
  await mkdir(path.join(folder, "var"));
  await chmod(tmp, 0o777);
  const [task, opt, runtime] = MOUNTS ? ["/var/task", "/opt", "/var/runtime"] : [code, layers, RUNTIME];
  const env: Record<string, string> = {
    PATH: "/usr/bin:/bin",
    LANG: "en_US.UTF-8",
    TZ: ":UTC",
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    LAMBDA_TASK_ROOT: task as string,
    _HANDLER: handler,
    NODE_PATH: `${opt}/nodejs/node24/node_modules:${opt}/nodejs/node_modules`,
    POWERTOOLS_TRACE_ENABLED: "false",
    ...(MOUNTS ? {} : { TMPDIR: tmp, KILOTUNE_BACKBONE_DIR: `${opt}/kilotune/backbone` }),
    ...environment,
    CODE: code,
    LAYERS: layers,
    RUNTIME,
    VAR: path.join(folder, "var"),
    TMP_BYTES: String(options.tmpBytes ?? 512e6),
    MEMORY_KB: String(memoryMb * 1024),
    CPU: options.cpu === undefined ? "" : String(options.cpu),
    NODE: process.execPath,
    MAIN: `${runtime}/runtime.ts`,
  };
  const argv = MOUNTS ? ["unshare", "--mount", "sh", "-euc", LAY_OUT + RUN_AS_NOBODY] : ["sh", "-euc", RUN];
  const child = spawn(argv[0] as string, argv.slice(1), { env, stdio: ["ignore", "pipe", "pipe", "ipc"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
  const { bootedMs, startedMs } = await ready(child, () => log);
  return {
    bootedMs,
    startedMs,
    pid: child.pid as number,
    invoke: calls(child, () => log),
    log: () => log,
    residentBytes: () =>
      1024 * Number(execFileSync("ps", ["-o", "rss=", "-p", String(child.pid)], { encoding: "utf8" })),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, "exit");
        child.kill("SIGKILL");
        await ended;
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const RUNTIME = path.join(import.meta.dirname, "runtime");

/** In a view of the file system that is this process's alone, and gone with it. */
const LAY_OUT = `
mount --bind "$LAYERS" /opt; mount -o remount,ro,bind /opt
mount -t tmpfs tmpfs "$VAR"; mkdir "$VAR/task" "$VAR/runtime"
mount --bind "$CODE" "$VAR/task"; mount -o remount,ro,bind "$VAR/task"
mount --bind "$RUNTIME" "$VAR/runtime"; mount -o remount,ro,bind "$VAR/runtime"
mount --rbind "$VAR" /var
mount -t tmpfs -o "size=$TMP_BYTES,mode=1777" tmpfs /tmp
cd /var/task
`;
const LIMITED = `
ulimit -d "$MEMORY_KB"; ulimit -n 1024
unset CODE LAYERS RUNTIME VAR TMP_BYTES MEMORY_KB
exec \${CPU:+taskset -c "$CPU"} `;
const RUN = `${LIMITED} "$NODE" --no-warnings "$MAIN"`;
const RUN_AS_NOBODY = `${LIMITED} setpriv --reuid 65534 --regid 65534 --clear-groups "$NODE" --no-warnings "$MAIN"`;

async function ready(child: ChildProcess, log: () => string): Promise<Extract<Told, { kind: "ready" }>> {
  const { promise, resolve, reject } = Promise.withResolvers<Extract<Told, { kind: "ready" }>>();
  const onMessage = (told: Told) => {
    if (told.kind === "ready") resolve(told);
  };
  child.on("message", onMessage);
  child.once("exit", (code) => reject(new Error(`the function ended with ${code} at its start: ${log()}`)));
  try {
    return await promise;
  } finally {
    child.off("message", onMessage);
  }
}

/** One event at a time, as Lambda hands them on: the others wait. */
function calls(child: ChildProcess, log: () => string) {
  let ids = 0;
  let last: Promise<unknown> = Promise.resolve();
  const waiting = new Map<number, PromiseWithResolvers<Answer>>();
  child.on("message", (told: Told) => {
    if (told.kind === "answered") waiting.get(told.id)?.resolve(told.answer);
  });
  child.once("exit", (code, signal) => {
    for (const { reject } of waiting.values())
      reject(new Error(`the function ended (${signal ?? code}): ${log().slice(-2000)}`));
  });
  const call = async (event: unknown, timeoutMs: number) => {
    const id = ++ids;
    const answered = Promise.withResolvers<Answer>();
    waiting.set(id, answered);
    child.send({ id, event, timeoutMs } satisfies Call);
    try {
      return await answered.promise;
    } finally {
      waiting.delete(id);
    }
  };
  return (event: unknown, timeoutMs = 60_000): Promise<Answer> => {
    const answer = last.catch(() => {}).then(() => call(event, timeoutMs));
    last = answer;
    return answer;
  };
}
