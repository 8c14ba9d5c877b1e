import type { BatchObject } from "@kilotune/contract/wire";
import type { RequestOptions } from "../http/transport.ts";
import { sleep } from "../http/sleep.ts";

export interface BatchWatchOptions extends Omit<RequestOptions, "idempotencyKey"> {
  /** Between two looks; default 2 s. A batch tells no events. */
  readonly everyMs?: number;
}

/** A batch as it is, and again whenever it has changed, until it has ended. */
export async function* watchBatch(
  get: (options: RequestOptions) => Promise<BatchObject>,
  { everyMs = 2000, maxRetries = 10, ...options }: BatchWatchOptions,
): AsyncGenerator<BatchObject, void> {
  for (let last = ""; ; ) {
    const batch = await get({ ...options, maxRetries });
    const now = JSON.stringify(batch);
    if (now !== last) yield batch;
    last = now;
    if (ENDED.has(batch.status)) return;
    await sleep(everyMs, options.signal);
  }
}

const ENDED: ReadonlySet<BatchObject["status"]> = new Set(["completed", "failed", "expired", "cancelled"]);
