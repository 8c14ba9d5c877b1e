import { createHash } from "node:crypto";
import { KilotuneError, type PromptId, parsePromptId, type TenantId } from "@kilotune/contract";
import type { RecordChange } from "@kilotune/store";
import { claimBlob, LEASE_MS, settled, toBeRemoved } from "./claims.ts";
import type { Service } from "./context.ts";
import { notFound } from "./errors.ts";
import { CLAIMS, PROMPTS, promptPath } from "./kinds.ts";

/** Changes for a write after which one model more, or less, points to a prompt. */
export interface PromptChange {
  readonly changes: readonly RecordChange[];
  /** What the tenant's stored bytes grow or shrink by. */
  readonly bytes: number;
}

/**
 * Stores a prompt's bytes where they aren't yet. Equal prompts are stored once, since their name is their hash. Then
 * `abandonOwn` the path, in case the write came to nothing.
 *
 * @throws KilotuneError `busy`, `prompt_hash`
 */
export async function addPrompt(
  service: Service,
  tenant: TenantId,
  id: PromptId,
  bytes: Uint8Array,
  owner: string,
): Promise<PromptChange> {
  if (createHash("sha256").update(bytes).digest("hex") !== id) throw wrongHash();
  const path = promptPath(id);
  if ((await PROMPTS.read(service, tenant, id)) === undefined) {
    await claimBlob(service, tenant, path, owner, LEASE_MS.prompt);
    await service.blobs.put(tenant, path, bytes, { ifAbsent: true });
  }
  const row = await PROMPTS.read(service, tenant, id);
  const claim = await CLAIMS.read(service, tenant, path);
  const value = { id, sizeBytes: bytes.length, models: (row?.value.models ?? 0) + 1 };
  const unclaim =
    row === undefined || claim?.value.owner === owner ? [await settled(service, tenant, path, owner)] : [];
  return {
    changes: [PROMPTS.put(id, value, row ?? "absent"), ...unclaim],
    bytes: row === undefined ? bytes.length : 0,
  };
}

/** `gone`: then call `removeClaimed` with it. */
export async function dropPrompt(
  service: Service,
  tenant: TenantId,
  id: PromptId,
): Promise<PromptChange & { readonly gone: string | null }> {
  const row = await PROMPTS.read(service, tenant, id);
  if (row === undefined) return { changes: [], bytes: 0, gone: null };
  const { value } = row;
  if (value.models > 1)
    return {
      changes: [PROMPTS.put(id, { ...value, models: value.models - 1 }, row)],
      bytes: 0,
      gone: null,
    };
  return {
    changes: [PROMPTS.remove(id, row), toBeRemoved(service, promptPath(id))],
    bytes: -value.sizeBytes,
    gone: promptPath(id),
  };
}

/** By the prompt's id; of the tenant's own alone. @throws KilotuneError `not_found` */
export async function openPrompt(
  service: Service,
  tenant: TenantId,
  promptId: string,
): Promise<{ readonly size: number; readonly chunks: AsyncIterable<Uint8Array> }> {
  const id = parsePromptId(promptId);
  const known = id && (await PROMPTS.read(service, tenant, id));
  const blob = known && (await service.blobs.open(tenant, promptPath(known.value.id)));
  if (blob === undefined) throw notFound("prompt");
  return blob;
}

function wrongHash(): KilotuneError {
  return new KilotuneError(
    "prompt_hash",
    "expected the bytes whose SHA-256 is the prompt's id, saw others.",
    "Send the file as it was written.",
    { kind: "machine" },
  );
}
