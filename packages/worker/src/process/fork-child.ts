import { type ChildProcess, fork } from "node:child_process";
import { getCompileCacheDir } from "node:module";
import path from "node:path";

export interface ForkedChild {
  readonly child: ChildProcess;
  /** The end of what it wrote to stderr. */
  complaints(): string;
}

/** A process that runs a module of ours and talks by messages. Nothing of this process's own flags or streams. */
export function forkChild(entry: URL): ForkedChild {
  const child = fork(entry, {
    // Structured clones: events hold Maps.
    serialization: "advanced",
    execArgv: [],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: { ...process.env, ...compileCache() },
  });
  let complaints = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaints = (complaints + text).slice(-2000);
  });
  return { child, complaints: () => complaints };
}

/** Where this process keeps its compiled modules: they are the child's too, and half of its start. */
function compileCache(): NodeJS.ProcessEnv {
  const folder = getCompileCacheDir();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: path.dirname(folder) };
}
