import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";

/** A browser of this machine; undefined where there is none, and tests that need one are skipped. */
export const CHROMIUM = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);

/** Opens a page without a window. It stays open until disposed of: the page tells its server when it is done. */
export async function openPage(url: string): Promise<{ browser: ChildProcess } & AsyncDisposable> {
  const profile = await mkdtemp(path.join(os.tmpdir(), "kilotune-browser-"));
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];
  const browser = spawn(
    CHROMIUM!,
    [...flags, "--remote-debugging-port=0", `--user-data-dir=${profile}`, url],
    { stdio: "ignore" },
  );
  return {
    browser,
    async [Symbol.asyncDispose]() {
      browser.kill("SIGKILL");
      if (browser.exitCode === null) await once(browser, "exit");
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
