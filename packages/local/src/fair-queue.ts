import type { TenantId } from "@kilotune/contract";

/**
 * Turns at something of which there are few: within a tenant in order, between tenants to whom the last turn was longest
 * ago. A hundred jobs of one tenant therefore delay another's first by one job, not by a hundred.
 */
export class FairQueue {
  readonly #slots: number;
  /** In order; a tenant without any isn't there. */
  readonly #waiting = new Map<TenantId, Waiter[]>();
  /** Number of the turn that a tenant had last. */
  readonly #lastTurn = new Map<TenantId, number>();
  #turns = 0;
  #running = 0;

  /** @param slots turns at once */
  constructor(slots: number) {
    this.#slots = slots;
  }

  /** @throws the signal's reason, where that comes before the turn; what the work throws */
  async run<T>(tenant: TenantId, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#turn(tenant, signal);
    try {
      return await work();
    } finally {
      this.#running--;
      this.#next();
    }
  }

  stats(): { readonly running: number; readonly waiting: number } {
    let waiting = 0;
    for (const waiters of this.#waiting.values()) waiting += waiters.length;
    return { running: this.#running, waiting };
  }

  async #turn(tenant: TenantId, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { begin: resolve };
    const leave = () => {
      this.#remove(tenant, waiter);
      reject(signal.reason);
    };
    const waiters = this.#waiting.get(tenant);
    if (waiters === undefined) this.#waiting.set(tenant, [waiter]);
    else waiters.push(waiter);
    signal.addEventListener("abort", leave, { once: true });
    this.#next();
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  #next(): void {
    while (this.#running < this.#slots) {
      const [next] = [...this.#waiting.keys()].sort((a, b) => this.#last(a) - this.#last(b));
      if (next === undefined) return;
      const waiter = this.#waiting.get(next)?.[0] as Waiter;
      this.#remove(next, waiter);
      this.#lastTurn.set(next, ++this.#turns);
      this.#running++;
      waiter.begin();
    }
  }

  #last(tenant: TenantId): number {
    return this.#lastTurn.get(tenant) ?? 0;
  }

  #remove(tenant: TenantId, waiter: Waiter): void {
    const left = (this.#waiting.get(tenant) ?? []).filter((each) => each !== waiter);
    if (left.length > 0) this.#waiting.set(tenant, left);
    else this.#waiting.delete(tenant);
  }
}

interface Waiter {
  begin(): void;
}
