import { type FileId, isCodedError, type JobId, type TenantId } from "@kilotune/contract";
import { storeFile } from "./create-file.ts";
import type { Service } from "./context.ts";
import { deleteFile, type File } from "./files.ts";
import { madeFor } from "./once.ts";

/**
 * A file of what a job has measured. Of the same name it is the same file, however often it is stored; a job that has
 * ended gets none.
 *
 * @throws KilotuneError `job_ended`, `exceeded_quota`
 */
export async function storeResult(
  service: Service,
  tenant: TenantId,
  job: JobId,
  filename: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<FileId> {
  const request = {
    filename,
    purpose: "fine-tune-results",
    idempotencyKey: keyOf(filename),
    during: job,
  } as const;
  return (await storeFile(service, tenant, request, bytes)).id;
}

/** Of a job that came to nothing after they were stored. Nothing where there is none. */
export async function removeResults(
  service: Service,
  tenant: TenantId,
  filenames: readonly string[],
): Promise<void> {
  for (const filename of filenames) {
    const file = await madeFor<File>(service, tenant, keyOf(filename));
    if (file === undefined) continue;
    await deleteFile(service, tenant, file.id).catch((error) => {
      if (!isCodedError(error) || error.code !== "not_found") throw error;
    });
  }
}

function keyOf(filename: string): string {
  return `results/${filename}`;
}
