import type { Service } from "@kilotune/service";
import type { Execution } from "@kilotune/worker";
import { bytesOf } from "./bytes.ts";

/**
 * Why a job failed, in words for its tenant: they may quote a file's name or a row. So they lie with what else is the
 * tenant's, and neither in Lambda's log nor in the history of Step Functions, which keep what is thrown; nor would Batch
 * hand on more than an exit code.
 */
export async function keepFailure(service: Service, execution: Execution, error: Error): Promise<void> {
  const words = { name: error.name, message: error.message };
  await service.blobs.put(execution.tenant, failureBlob(execution), Buffer.from(JSON.stringify(words)));
}

/** As Step Functions would have handed it on; undefined where none was kept. */
export async function readFailure(
  service: Service,
  execution: Execution,
): Promise<{ readonly Error: string; readonly Cause: string } | undefined> {
  const blob = await service.blobs.open(execution.tenant, failureBlob(execution));
  if (blob === undefined) return undefined;
  const { name, message } = JSON.parse((await bytesOf(blob.chunks)).toString()) as {
    name: string;
    message: string;
  };
  return { Error: name, Cause: message };
}

/** What went wrong before a state came to its end counts no more. It goes with the job's other blobs, too. */
export async function forgetFailure(service: Service, execution: Execution): Promise<void> {
  await service.blobs.remove(execution.tenant, failureBlob(execution));
}

/** The same error without its words: Step Functions goes by its name. */
export function withoutWords({ name }: Error): Error {
  return Object.defineProperty(new Error("the job's failure says more"), "name", { value: name });
}

function failureBlob({ job }: Execution): string {
  return `jobs/${job}/failure.json`;
}
