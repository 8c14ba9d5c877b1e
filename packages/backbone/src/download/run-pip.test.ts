import { chmod, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { runPip } from "./run-pip.ts";
import { temporaryFolder } from "./testing.ts";

afterEach(() => vi.unstubAllEnvs());

/** Puts a shell script in Python's place. */
async function withPython(
  script: string | undefined,
  signal = new AbortController().signal,
): Promise<unknown> {
  await using folder = await temporaryFolder();
  if (script !== undefined) {
    await writeFile(path.join(folder.path, "python3"), `#!/bin/sh\n${script}\n`);
    await chmod(path.join(folder.path, "python3"), 0o755);
  }
  vi.stubEnv("PATH", script === undefined ? folder.path : `${folder.path}:/usr/bin:/bin`);
  return await runPip(["download", "x y"], { temporaryFolder: folder.path, signal }).catch(
    (error: unknown) => error,
  );
}

describe.skipIf(process.platform === "win32")("runPip", () => {
  it("hands over the arguments as they are and returns what pip said", async () => {
    expect(await withPython(`printf '%s|' "$@"; echo to stderr >&2`)).toMatch(/-m\|pip\|download\|x y\|/);
  });

  it("tells pip's own errors and leaves its chatter", async () => {
    expect(
      await withPython("echo WARNING: old; echo ERROR: No matching distribution >&2; exit 1"),
    ).toMatchObject({
      name: "SourceFailure",
      message: "pip ended with 1: ERROR: No matching distribution",
    });
    expect(await withPython("exit 3")).toMatchObject({ message: "pip ended with 3: it said nothing" });
  });

  it("says that Python is missing", async () => {
    expect(await withPython(undefined)).toMatchObject({
      name: "SourceFailure",
      message: "python3 could not be started",
    });
  });

  it("stops pip when the caller stops", async () => {
    const start = performance.now();
    expect(await withPython("exec sleep 20", AbortSignal.timeout(100))).toMatchObject({
      name: "TimeoutError",
    });
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
