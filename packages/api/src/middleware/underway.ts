import { setTimeout as sleep } from "node:timers/promises";
import type { TenantId } from "@kilotune/contract";
import { createMiddleware } from "hono/factory";
import type { Env } from "../env.ts";

/** Calls that this process hasn't answered yet. An erasure waits for them: what they'd write later would stay. */
export class Underway {
  readonly #calls = new Map<TenantId, Set<string>>();

  begin(tenant: TenantId, requestId: string): () => void {
    const calls = this.#calls.get(tenant) ?? new Set();
    this.#calls.set(tenant, calls.add(requestId));
    return () => {
      calls.delete(requestId);
      if (calls.size === 0 && this.#calls.get(tenant) === calls) this.#calls.delete(tenant);
    };
  }

  /** Until all of a tenant's calls but this one are answered; a sender who is slower than ten seconds isn't waited for. */
  async quiet(tenant: TenantId, requestId: string): Promise<void> {
    const isQuiet = () => [...(this.#calls.get(tenant) ?? [])].every((id) => id === requestId);
    const end = performance.now() + PATIENCE_MS;
    // At least once: a call whose key was just found good is counted a moment later.
    do await sleep(STEP_MS);
    while (!isQuiet() && performance.now() < end);
  }
}

/** Behind `authenticate`, which knows whose call it is. */
export const countUnderway = createMiddleware<Env>(async (c, next) => {
  const end = c.var.deps.underway.begin(c.var.tenant, c.var.requestId);
  try {
    await next();
  } finally {
    end();
  }
});

const PATIENCE_MS = 10_000;
const STEP_MS = 10;
