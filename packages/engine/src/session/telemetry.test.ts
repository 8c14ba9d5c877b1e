import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, it } from "vitest";

/** ONNX Runtime's telemetry begins by keeping an id of the machine in the user's home. */
function keptBy(environment: Readonly<Record<string, string>>, program: string): string[] {
  const home = mkdtempSync(path.join(os.tmpdir(), "kilotune-home-"));
  const env = { PATH: process.env.PATH, HOME: home, ...environment };
  execFileSync(process.execPath, ["--input-type=module", "-e", program], { env, cwd: import.meta.dirname });
  const kept = readdirSync(home, { recursive: true, encoding: "utf8" });
  rmSync(home, { recursive: true });
  return kept.filter((file) => file.endsWith("deviceid"));
}

it.skipIf(process.platform !== "linux")("a session tells nobody of itself", () => {
  const raw = `
    const { InferenceSession } = await import("onnxruntime-node");
    await InferenceSession.create(new Uint8Array([1]), { logSeverityLevel: 4 }).catch(() => {});`;
  const ours = `
    const { openNodeSession } = await import("./node.ts");
    await openNodeSession("nothing.onnx").catch(() => {});`;
  const probe = `
    const { chooseDevice } = await import("./device.ts");
    await chooseDevice("auto");`;
  expect(keptBy({}, ours)).toEqual([]);
  expect(keptBy({}, probe)).toEqual([]);
  // By itself it would; the line leads nowhere.
  expect(keptBy({ https_proxy: "http://127.0.0.1:9" }, raw)).toHaveLength(1);
});
