import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { EXIT } from "../../packages/aws/src/container/exit-codes.ts";
import type { CloudOptions } from "./cloud.ts";

/**
 * The states `Tune` and `Try` as Batch does them: the container's entry point, a process of its own.
 *
 * @param bundle folder of the backbone that it holds, or of a folder for each of several
 * @param scratch folder for its files of the moment
 */
export function containerWith(bundle: string, scratch: string): CloudOptions["tune"] {
  return async (input, environment) => {
    const { tenant, job, trial } = input as { tenant: string; job: string; trial?: string };
    const container = spawn(process.execPath, [path.resolve("packages/aws/src/container/main.ts")], {
      env: {
        ...environment,
        ...CREDENTIALS,
        PATH: process.env.PATH,
        TMPDIR: scratch,
        KILOTUNE_BACKBONE_DIR: bundle,
        KILOTUNE_TENANT: tenant,
        KILOTUNE_JOB: job,
        ...(trial === undefined ? {} : { KILOTUNE_TRIAL: trial }),
      },
      stdio: ["ignore", "ignore", "inherit"],
    });
    const [exitCode] = await once(container, "close");
    if (exitCode !== EXIT.done)
      throw Object.assign(new Error(`exit code ${exitCode}`), { name: "WorkerDied" });
    return null;
  };
}

/** The emulator's, which takes any. */
export const CREDENTIALS = {
  AWS_REGION: "eu-central-1",
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
};
