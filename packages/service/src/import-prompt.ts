import { createHash } from "node:crypto";
import {
  KilotuneError,
  type PromptId,
  type TaskName,
  parsePromptId,
  type TenantId,
  type TunedModelName,
} from "@kilotune/contract";
import { audited } from "./audit.ts";
import { abandonOwn } from "./claims.ts";
import type { Service } from "./context.ts";
import { untilFresh } from "./fresh.ts";
import { MODELS, type ModelRecord, promptPath } from "./kinds.ts";
import { asModel, type TunedModel } from "./models.ts";
import { newLetters, newUlid } from "./new-id.ts";
import { notePending } from "./pending.ts";
import { addPrompt } from "./prompts.ts";
import { readLimits, readQuota, refuseOver } from "./quota.ts";
import { nowSeconds } from "./time.ts";

/**
 * Judges a prompt's file that nobody vouches for: whose backbone it is of, and what is to be stored of it, with the SHA-256 of
 * that. Whoever has the backbones does it.
 *
 * @throws KilotuneError `invalid_prompt`, `backbone_mismatch`, ..
 */
export type AcceptPrompt = (
  bytes: Uint8Array,
  tenant: TenantId,
) => Promise<{
  readonly sha256: string;
  readonly backbone: string;
  readonly task: TaskName;
  readonly bytes: Uint8Array;
}>;

/**
 * A prompt's file from elsewhere becomes a model. The same file with the same suffix is the same model, however often it
 * comes, since the name follows from both; with another suffix it is another model of the same bytes, stored once.
 *
 * @param suffix at most 64 letters, digits, `.`, `_` and `-`, as a job's
 * @throws KilotuneError `exceeded_quota`, `busy`, `not_found` (the tenant is going); what `accept` throws
 */
export async function importPrompt(
  service: Service,
  tenant: TenantId,
  file: Uint8Array,
  { suffix = "", accept }: { readonly suffix?: string; readonly accept: AcceptPrompt },
): Promise<TunedModel> {
  const { sha256, backbone, task, bytes } = await accept(file, tenant);
  const promptId = parsePromptId(sha256);
  if (promptId === undefined || !service.backbones.has(backbone)) throw notOurs(backbone);
  await notePending(service, tenant, "sweep");
  const name = `ft:${backbone}:${tenant.slice("tn-".length)}:${suffix}:`;
  const owner = newUlid(service);
  try {
    return await untilFresh(async () => {
      const standing = await MODELS.read(service, tenant, name + lettersOf(promptId));
      if (standing?.value.promptId === promptId) return asModel(standing.value);
      // Eight letters of a hash are also a job's by chance, once in two hundred billion.
      const letters = standing === undefined ? lettersOf(promptId) : newLetters(service, 8);
      const model: ModelRecord = {
        name: (name + letters) as TunedModelName,
        backbone,
        task,
        promptId,
        sizeBytes: bytes.length,
        job: null,
        createdAt: nowSeconds(service),
        aliases: [],
      };
      return await added(service, tenant, model, bytes, owner);
    });
  } finally {
    await abandonOwn(service, tenant, promptPath(promptId), owner);
  }
}

async function added(
  service: Service,
  tenant: TenantId,
  model: ModelRecord,
  bytes: Uint8Array,
  owner: string,
): Promise<TunedModel> {
  const { name, backbone, promptId } = model;
  const limits = await readLimits(service, tenant);
  const { quota } = await readQuota(service, tenant);
  // Before the bytes are stored for nothing; what counts is asked once more below.
  refuseOver(limits, { ...quota, prompts: quota.prompts + 1 });
  const prompt = await addPrompt(service, tenant, promptId, bytes, owner);
  const now = await readQuota(service, tenant);
  const next = {
    ...now.quota,
    prompts: now.quota.prompts + 1,
    storedBytes: now.quota.storedBytes + prompt.bytes,
  };
  refuseOver(limits, next);
  await service.records.write(tenant, [
    MODELS.put(name, model, "absent"),
    now.becomes(next),
    ...prompt.changes,
    audited(service, "prompt.imported", promptId, { backbone }),
  ]);
  return asModel(model);
}

/** a-z, of the prompt's own hash. */
function lettersOf(id: PromptId): string {
  const bytes = createHash("sha256").update(`import ${id}`).digest();
  return Array.from({ length: 8 }, (_, at) => String.fromCharCode(97 + ((bytes[at] as number) % 26))).join(
    "",
  );
}

function notOurs(backbone: string): Error {
  return new KilotuneError(
    "backbone_mismatch",
    `The backbone ${backbone} isn't served here.`,
    "Tune again on one that is.",
    {
      param: "file",
    },
  );
}
