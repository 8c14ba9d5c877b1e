import { KilotuneError, type TenantId } from "@kilotune/contract";
import type { RecordChange } from "@kilotune/store";
import type { Service } from "./context.ts";
import { once, type Repeat } from "./once.ts";

/** How the making of a secret is recognised when it is asked for again. */
export interface SecretRepeat extends Repeat {
  /** The client says that it has sent the same before: then without an idempotency key too it means the same thing. */
  readonly isRetry?: boolean;
}

/**
 * Makes what is shown once. The first answer is kept nowhere, since it holds a secret; the receipt has the id alone. So a
 * repeat can't be given what was lost: it is told what was made, for somebody to remove or to make a key of.
 *
 * @param made what was made, by its id, and what to do about it
 * @throws KilotuneError `already_made` with the id, `idempotency_key_reused`; what `make` throws
 */
export async function onceShown<T>(
  service: Service,
  tenant: TenantId,
  repeat: SecretRepeat | undefined,
  make: (
    receipt: (id: string) => readonly RecordChange[],
  ) => Promise<{ readonly id: string; readonly shown: T }>,
  made: (id: string) => { readonly what: string; readonly hint: string },
): Promise<T> {
  if (repeat === undefined) return (await make(() => [])).shown;
  let fresh: { readonly shown: T } | undefined;
  const { id } = await once<{ id: string }>(service, tenant, repeat, {
    async make(receipt) {
      const { id, shown } = await make((id) => [receipt({ id })]);
      fresh = { shown };
      return { id };
    },
    isStillGood: async () => repeat.isRetry ?? false,
  });
  if (fresh !== undefined) return fresh.shown;
  const { what, hint } = made(id);
  const error = new KilotuneError(
    "already_made",
    `An earlier call with the same content made ${what}.`,
    hint,
  );
  throw Object.assign(error, { made: id });
}
