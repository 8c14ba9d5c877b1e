import { PassThrough, Readable } from "node:stream";
import { runCli } from "./run.ts";
import { COMMANDS } from "./main.ts";

/** For tests: one call of the command line in this process, with what it wrote and its exit code. */
export async function callCli(
  argv: readonly string[],
  { stdin = "", environment = {} }: { stdin?: string; environment?: Record<string, string> } = {},
) {
  const stdout = collector();
  const stderr = collector();
  const exitCode = await runCli(argv, COMMANDS, {
    stdin: Readable.from(stdin === "" ? [] : [Buffer.from(stdin)]),
    stdout: stdout.stream,
    stderr: stderr.stream,
    environment,
    clock: () => 0,
    takeInterrupt: () => new AbortController().signal,
  });
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

export function collector(properties: { isTTY?: boolean; columns?: number } = {}) {
  const chunks: Buffer[] = [];
  const stream = Object.assign(new PassThrough(), properties);
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  return { stream, text: () => Buffer.concat(chunks).toString("utf8") };
}
