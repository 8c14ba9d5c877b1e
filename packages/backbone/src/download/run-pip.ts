import { spawn } from "node:child_process";
import os from "node:os";
import { SourceFailure } from "./failure.ts";

/**
 * Runs pip and returns what it printed, both streams together and at most its last 64 KB.
 * @throws SourceFailure where Python is missing, with pip's last words in the message where it failed
 */
export type RunPip = (
  args: readonly string[],
  options: { temporaryFolder: string; signal: AbortSignal },
) => Promise<string>;

export const runPip: RunPip = async (args, { temporaryFolder, signal }) => {
  const python = os.platform() === "win32" ? "python" : "python3";
  const child = spawn(python, ["-m", "pip", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      TMPDIR: temporaryFolder,
      TEMP: temporaryFolder,
      TMP: temporaryFolder,
      PYTHONUTF8: "1",
    },
    signal,
  });
  let output = "";
  const collect = (chunk: string) => {
    output = (output + chunk).slice(-65_536);
  };
  child.stdout.setEncoding("utf8").on("data", collect);
  child.stderr.setEncoding("utf8").on("data", collect);
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.on("error", reject).on("close", resolve);
  const code = await promise.catch((error: unknown) => {
    signal.throwIfAborted();
    throw new SourceFailure(`${python} could not be started`, { cause: error });
  });
  signal.throwIfAborted();
  if (code !== 0) throw new SourceFailure(`pip ended with ${code}: ${lastWords(output)}`);
  return output;
};

/** pip's own errors where it names some, else the last lines that it printed. */
function lastWords(output: string): string {
  const lines = output.split(/\r?\n/).filter((line) => line.trim() !== "");
  const errors = lines.filter((line) => line.startsWith("ERROR"));
  const told = (errors.length > 0 ? errors : lines).slice(-3).map((line) => line.slice(0, 300));
  return told.join("\n") || "it said nothing";
}
