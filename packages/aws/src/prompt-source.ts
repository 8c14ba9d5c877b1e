import { KilotuneError, type PromptId, type TenantId } from "@kilotune/contract";
import { decodePrompt, refuseLargePrompt, type StoredPrompt } from "@kilotune/prompt";
import { promptPath, type Service } from "@kilotune/service";
import { bytesOf } from "./bytes.ts";
import { count, time } from "./observe.ts";
import type { PromptFiles } from "./prompt-files.ts";

/** As the predictor's cache names a prompt: it means the same bytes for ever, and to one tenant alone. */
export function refOf(tenant: string, promptId: string): string {
  return `${tenant}/${promptId}`;
}

/**
 * Gets a prompt by its `refOf`: from this machine's disk, or with one GET of the tenant's own object. Its name is its hash:
 * other bytes under it are a `prompt_damaged`, from wherever they came.
 *
 * @throws KilotuneError `prompt_damaged`; what the store and `decodePrompt` throw
 */
export function promptSource({ blobs }: Pick<Service, "blobs">, files: PromptFiles) {
  return async (ref: string): Promise<StoredPrompt> => {
    const [tenant, promptId] = ref.split("/") as [TenantId, PromptId];
    const onDisk = await files.read(tenant, promptId);
    if (onDisk !== undefined) {
      const stored = await soundPrompt(onDisk, promptId).catch(() => undefined);
      if (stored !== undefined) {
        count("PromptsFromDisk");
        return stored;
      }
      count("PromptFilesDamaged");
      await files.remove(tenant, promptId);
    }
    const startedMs = performance.now();
    const blob = await blobs.open(tenant, promptPath(promptId));
    if (blob === undefined) throw damaged("there is none");
    const bytes = await promptBytes(blob);
    time("PromptGetMs", performance.now() - startedMs);
    const stored = await soundPrompt(bytes, promptId);
    if (!(await files.write(tenant, promptId, bytes))) count("PromptFilesRefused");
    return stored;
  };
}

/** Whoever opens must read, or let go: an object that is no prompt by its size alone isn't read. */
async function promptBytes({ size, chunks }: NonNullable<Awaited<ReturnType<Service["blobs"]["open"]>>>) {
  try {
    refuseLargePrompt(size);
  } catch (cause) {
    await chunks[Symbol.asyncIterator]().return?.();
    throw damaged("it is larger than a prompt can be", cause);
  }
  return bytesOf(chunks);
}

async function soundPrompt(bytes: Buffer, promptId: PromptId): Promise<StoredPrompt> {
  const stored = await decodePrompt(bytes).catch((cause: unknown) => {
    throw damaged("its bytes are no prompt", cause);
  });
  if (stored.id !== `sha256-${promptId}`) throw damaged("saw other bytes");
  return stored;
}

function damaged(seen: string, cause?: unknown): KilotuneError {
  return new KilotuneError(
    "prompt_damaged",
    `expected the prompt whose SHA-256 is its name: ${seen}`,
    "Restore the object's earlier version in the bucket, or tune again.",
    { kind: "machine", cause },
  );
}
