import { createHash } from "node:crypto";
import { type PromptId, parseAliasName, type TaskName, type TenantId } from "@kilotune/contract";
import type { AliasTarget } from "./aliases.ts";
import type { Service } from "./context.ts";
import { modelNotFound } from "./errors.ts";
import { ALIASES } from "./kinds.ts";
import { readModel } from "./models.ts";

/** What a request's `model` stands for. */
export interface Resolved {
  /** The backbone's id or the tuned model's name: what is metered and answered. */
  readonly model: string;
  readonly backbone: string;
  /** What the backbone reads. */
  readonly input: "text" | "image";
  /** null: the backbone alone. */
  readonly promptId: PromptId | null;
  /** Of the tuned model. */
  readonly task: TaskName | null;
}

/**
 * A backbone, a tuned model, a checkpoint or an alias. Nothing is cached: a request that begins after an alias was put
 * sees it. `requestKey`: the same key gets the same side of a canary; anything that names the request or its user.
 *
 * @throws KilotuneError `model_not_found`
 */
export async function resolveModel(
  service: Service,
  tenant: TenantId,
  name: string,
  requestKey: string,
): Promise<Resolved> {
  const direct = await resolveDirect(service, tenant, name);
  if (direct !== undefined) return direct;
  const alias = parseAliasName(name);
  for (let left = ATTEMPTS; alias !== undefined && left > 0; left--) {
    const row = await ALIASES.read(service, tenant, alias);
    if (row === undefined) break;
    const target = await resolveDirect(service, tenant, sideOf(row.value.target, `${name}\n${requestKey}`));
    // undefined: moved on, and its old model deleted, between the two reads.
    if (target !== undefined) return target;
  }
  throw modelNotFound();
}

/** A key's side stays what it is while the share grows, but for the keys that the larger share takes over. */
export function sideOf({ model, canary }: AliasTarget, key: string): string {
  if (canary === null) return model;
  const point = createHash("sha256").update(key).digest().readUInt32BE() / 2 ** 32;
  return point < canary.share ? canary.model : model;
}

async function resolveDirect(
  service: Service,
  tenant: TenantId,
  name: string,
): Promise<Resolved | undefined> {
  const inputOf = (backbone: string) => service.backbones.get(backbone)?.input ?? "text";
  if (service.backbones.has(name))
    return { model: name, backbone: name, input: inputOf(name), promptId: null, task: null };
  const row = await readModel(service, tenant, name);
  if (row === undefined) return undefined;
  const { name: model, backbone, promptId, task } = row.value;
  return { model, backbone, input: inputOf(backbone), promptId, task };
}

const ATTEMPTS = 3;
