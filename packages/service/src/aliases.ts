import { type AliasName, KilotuneError, parseAliasName, type TenantId } from "@kilotune/contract";
import type { RecordChange } from "@kilotune/store";
import { audited } from "./audit.ts";
import type { Page, PageQuery, Service, UnixSeconds } from "./context.ts";
import { invalidValue, modelNotFound, notFound } from "./errors.ts";
import { untilFresh } from "./fresh.ts";
import { ALIASES } from "./kinds.ts";
import { listPage } from "./list-page.ts";
import { readModel, tableOf } from "./models.ts";
import type { Row } from "./table.ts";
import { nowSeconds } from "./time.ts";

export interface Alias {
  readonly name: AliasName;
  readonly target: AliasTarget;
  /** Where a rollback goes. */
  readonly previous: AliasTarget | null;
  readonly updatedAt: UnixSeconds;
  /** The ETag: larger at each change, also of an alias that was deleted in between. */
  readonly revision: number;
}

export interface AliasTarget {
  /** A backbone's id, a tuned model's or a checkpoint's name. */
  readonly model: string;
  readonly canary: {
    readonly model: string;
    /** 0 .. 1 of the request keys. */
    readonly share: number;
  } | null;
}

/** `If-None-Match: *` or `If-Match: "<revision>"`. */
export type AliasExpectation = "absent" | { readonly revision: number };

/** @throws KilotuneError `not_found` */
export async function getAlias(service: Service, tenant: TenantId, name: string): Promise<Alias> {
  const row = await readAlias(service, tenant, name);
  if (row === undefined) throw notFound("alias");
  return row.value;
}

/** In order of name. */
export function listAliases(service: Service, tenant: TenantId, query: PageQuery = {}): Promise<Page<Alias>> {
  return listPage(service, tenant, ALIASES, query, { view: ({ value }) => value });
}

/** @throws KilotuneError `precondition_failed` (412), `model_not_found`, `invalid_value` (name, share) */
export async function putAlias(
  service: Service,
  tenant: TenantId,
  name: string,
  { model, canary = null }: { readonly model: string; readonly canary?: AliasTarget["canary"] },
  expect: AliasExpectation,
): Promise<Alias> {
  const known = parseAliasName(name);
  if (known === undefined)
    throw invalidValue("name", "1 to 64 letters, digits, `.`, `_` or `-`", "something else");
  if (service.backbones.has(known))
    throw invalidValue("name", "another name than a backbone's", "one of theirs");
  if (canary !== null && !(canary.share >= 0 && canary.share <= 1))
    throw invalidValue("canary.share", "0 to 1", String(canary.share));
  return untilFresh(async () => {
    const row = await readAlias(service, tenant, known);
    if (expect === "absent" ? row !== undefined : row?.value.revision !== expect.revision) throw stale();
    return move(service, tenant, known, row, { model, canary }, "alias.put");
  });
}

/**
 * Target and previous change places.
 *
 * @throws KilotuneError `not_found`, `precondition_failed`, `model_not_found` (gone meanwhile), `no_previous_target`
 */
export function rollbackAlias(
  service: Service,
  tenant: TenantId,
  name: string,
  expect?: { readonly revision: number },
): Promise<Alias> {
  return untilFresh(async () => {
    const row = await expectedAlias(service, tenant, name, expect);
    if (row.value.previous === null) throw noPrevious();
    return move(service, tenant, row.value.name, row, row.value.previous, "alias.rolled_back");
  });
}

/** @throws KilotuneError `not_found`, `precondition_failed` */
export async function deleteAlias(
  service: Service,
  tenant: TenantId,
  name: string,
  expect?: { readonly revision: number },
): Promise<void> {
  await untilFresh(async () => {
    const row = await expectedAlias(service, tenant, name, expect);
    await service.records.write(tenant, [
      ALIASES.remove(row.id, row),
      ...(await pointed(service, tenant, row.value.name, row.value.target, null)),
      audited(service, "alias.deleted", row.id),
    ]);
  });
}

async function move(
  service: Service,
  tenant: TenantId,
  name: AliasName,
  row: Row<Alias> | undefined,
  target: AliasTarget,
  action: string,
): Promise<Alias> {
  const alias: Alias = {
    name,
    target,
    previous: row?.value.target ?? null,
    updatedAt: nowSeconds(service),
    // Not 1 at first: a stale ETag must not fit an alias that was deleted and made again.
    revision: Math.max((row?.value.revision ?? 0) + 1, service.clock.now().getTime()),
  };
  await service.records.write(tenant, [
    ALIASES.put(name, alias, row ?? "absent"),
    ...(await pointed(service, tenant, name, row?.value.target ?? null, target)),
    audited(service, action, name),
  ]);
  return alias;
}

/** Each tuned model knows the aliases that point to it, so that it can't be deleted under them. */
async function pointed(
  service: Service,
  tenant: TenantId,
  alias: AliasName,
  from: AliasTarget | null,
  to: AliasTarget | null,
): Promise<RecordChange[]> {
  const now = modelsOf(to);
  const changes: RecordChange[] = [];
  for (const model of new Set([...modelsOf(from), ...now])) {
    if (service.backbones.has(model)) continue;
    const row = await readModel(service, tenant, model);
    if (row === undefined && now.has(model)) throw modelNotFound();
    if (row === undefined) continue;
    const others = row.value.aliases.filter((name) => name !== alias);
    const aliases = now.has(model) ? [...others, alias] : others;
    changes.push(tableOf(row.value.name).put(row.id, { ...row.value, aliases }, row));
  }
  return changes;
}

function modelsOf(target: AliasTarget | null): ReadonlySet<string> {
  return new Set(target === null ? [] : [target.model, ...(target.canary ? [target.canary.model] : [])]);
}

function readAlias(service: Service, tenant: TenantId, name: string): Promise<Row<Alias> | undefined> {
  const known = parseAliasName(name);
  return known === undefined ? Promise.resolve(undefined) : ALIASES.read(service, tenant, known);
}

async function expectedAlias(
  service: Service,
  tenant: TenantId,
  name: string,
  expect: { readonly revision: number } | undefined,
): Promise<Row<Alias>> {
  const row = await readAlias(service, tenant, name);
  if (row === undefined) throw notFound("alias");
  if (expect !== undefined && expect.revision !== row.value.revision) throw stale();
  return row;
}

function stale(): KilotuneError {
  return new KilotuneError(
    "precondition_failed",
    "The alias isn't what the precondition expected: somebody else has changed it.",
    "GET it, look at it, and send its ETag as If-Match; If-None-Match: * makes a new one.",
  );
}

function noPrevious(): KilotuneError {
  return new KilotuneError(
    "no_previous_target",
    "The alias has pointed to one target only, so there is nothing to go back to.",
    "PUT the target that it should have.",
  );
}
