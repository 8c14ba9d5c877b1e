import type { PromptId, TuneReport } from "@kilotune/contract";
import type { Service } from "@kilotune/service";
import type { Execution } from "./context.ts";
import { jobBlob, readBlob } from "./job-blobs.ts";

/** What tuning came to, for the states after it. */
export interface JobOutput {
  readonly promptId: PromptId;
  readonly trainedTokens: number;
  /** The prompt's file. */
  readonly prompt: Uint8Array;
  /** `TuneReport` as JSON. */
  readonly report: Uint8Array;
}

/** The summary comes last: where it is, all of it is. */
export async function keepResult(
  { blobs }: Service,
  execution: Execution,
  { prompt, report, promptId, trainedTokens }: Omit<JobOutput, "promptId"> & { readonly promptId: string },
): Promise<void> {
  const put = (name: string, bytes: Uint8Array) =>
    blobs.put(execution.tenant, jobBlob(execution, "result", name), bytes);
  await put("prompt.safetensors", prompt);
  await put("report.json", report);
  await put("summary.json", Buffer.from(JSON.stringify({ promptId, trainedTokens })));
}

export async function readResult(service: Service, execution: Execution): Promise<JobOutput | undefined> {
  const read = (name: string) => readBlob(service, execution, jobBlob(execution, "result", name));
  const summary = await read("summary.json");
  if (summary === undefined) return undefined;
  const [prompt, report] = await Promise.all([read("prompt.safetensors"), read("report.json")]);
  if (prompt === undefined || report === undefined) return undefined;
  return {
    ...(JSON.parse(summary.toString()) as Pick<JobOutput, "promptId" | "trainedTokens">),
    prompt,
    report,
  };
}

export function parseReport({ report }: JobOutput): TuneReport {
  return JSON.parse(Buffer.from(report).toString()) as TuneReport;
}
