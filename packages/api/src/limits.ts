import { tmpdir } from "node:os";
import { MAX_FILE_BYTES, MAX_PART_BYTES } from "@kilotune/contract/wire";
import type { FormLimits } from "./body/read-form.ts";

/** What one call may cost, whoever asks; what a tenant may use is its plan's. */
export interface Limits {
  /** Of a JSON body. 2,048 texts of usual length fit many times. */
  readonly jsonBytes: number;
  readonly fileBytes: number;
  readonly partBytes: number;
  /** Of a prompt that is imported; a usual one is some tens of kilobytes. */
  readonly promptBytes: number;
  /** For a JSON body to arrive. */
  readonly bodyTimeoutMs: number;
  /** Without a byte of an upload: a slow line is served, a dead one isn't. */
  readonly uploadStallMs: number;
  /** Where an upload waits for the end of its form; nothing is left in it, whatever happens. */
  readonly spoolFolder: string;
  /** From the call to the answer of the model. */
  readonly inferenceMs: number;
  /** Between two looks at a job that is followed. */
  readonly followMs: number;
  /** Tenants with a metric of their own; the others are counted together. */
  readonly tenantsInMetrics: number;
}

export function formLimits({ uploadStallMs, spoolFolder }: Limits, maxFileBytes: number): FormLimits {
  return { maxFileBytes, stallMs: uploadStallMs, folder: spoolFolder };
}

export const DEFAULT_LIMITS: Limits = {
  jsonBytes: 8 * 2 ** 20,
  fileBytes: MAX_FILE_BYTES,
  partBytes: MAX_PART_BYTES,
  promptBytes: 64 * 2 ** 20,
  bodyTimeoutMs: 30_000,
  uploadStallMs: 60_000,
  spoolFolder: tmpdir(),
  inferenceMs: 30_000,
  followMs: 500,
  tenantsInMetrics: 100,
};
