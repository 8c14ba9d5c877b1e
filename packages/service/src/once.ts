import { createHash } from "node:crypto";
import { KilotuneError, type TenantId } from "@kilotune/contract";
import type { Json, RecordChange } from "@kilotune/store";
import type { Service } from "./context.ts";
import { untilFresh } from "./fresh.ts";
import { ONCE } from "./kinds.ts";
import { REPEAT_SECONDS } from "./periods.ts";
import { inSeconds } from "./time.ts";

/** How a create is recognised when it comes again. */
export interface Repeat {
  /** The `Idempotency-Key` header, where there was one. */
  readonly key?: string;
  /** Hash of what was asked for: route and body. */
  readonly body: string;
}

/**
 * One making, however often and at once it is asked for: `make` writes the receipt in the same write as the thing
 * made, so of two makers one finds the other's receipt, and a crash leaves both or neither. Repeats get the first
 * answer; without a key only while it `isStillGood`, since people do the same thing twice on purpose.
 *
 * @throws KilotuneError `idempotency_key_reused`; what `make` throws
 */
export function once<T extends object>(
  service: Service,
  tenant: TenantId,
  { key, body }: Repeat,
  steps: {
    /** May be called again where its write was stale. */
    readonly make: (receipt: (answer: T) => RecordChange) => Promise<T>;
    readonly isStillGood: (answer: T) => Promise<boolean>;
  },
): Promise<T> {
  const id = receiptId(key === undefined ? `body\n${body}` : `key\n${key}`);
  return untilFresh(async () => {
    const seen = await ONCE.read(service, tenant, id);
    if (seen !== undefined) {
      if (seen.value.body !== body) throw reused();
      const answer = seen.value.answer as unknown as T;
      if (key !== undefined || (await steps.isStillGood(answer))) return answer;
    }
    const seconds = key === undefined ? REPEAT_SECONDS.withoutKey : REPEAT_SECONDS.withKey;
    return steps.make((answer) =>
      ONCE.put(
        id,
        { body, answer: answer as unknown as Json },
        seen ?? "absent",
        inSeconds(service, seconds),
      ),
    );
  });
}

/** What was made for this idempotency key; undefined where nothing was, or its receipt has had its time. */
export async function madeFor<T extends object>(
  service: Service,
  tenant: TenantId,
  key: string,
): Promise<T | undefined> {
  return (await ONCE.read(service, tenant, receiptId(`key\n${key}`)))?.value.answer as unknown as
    | T
    | undefined;
}

function receiptId(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function reused(): KilotuneError {
  return new KilotuneError(
    "idempotency_key_reused",
    "Idempotency-Key: expected the request that came with this key before, saw another.",
    "Make a new key for every new request.",
    { param: "Idempotency-Key" },
  );
}
