import type { Prng } from "@kilotune/dataset";
import { exponential } from "./draws.ts";

export interface PoolSettings {
  /** Executions at once. */
  readonly concurrency: number;
  /** New environments a second, and as many at once as ten seconds give. */
  readonly newPerSecond: number;
  /** Until an environment that nobody calls is taken away. */
  readonly idleSeconds: number;
  /** Mean; whenever it is, an environment is taken away between two calls. */
  readonly lifeSeconds: number;
}

export interface Environment {
  readonly id: number;
  readonly endsAt: number;
  idleSince: number;
}

/**
 * Execution environments of one Lambda function: one call at a time each; a call goes to the one that was used last, so
 * that the others can age; where none is free a new one is started cold.
 */
export class LambdaPool<Env extends Environment> {
  /** Cold starts so far, and calls refused. */
  colds = 0;
  throttles = 0;
  /** At once, at most. */
  busiest = 0;
  readonly #settings: PoolSettings;
  readonly #random: Prng;
  readonly #make: (environment: Environment) => Env;
  /** The least recently used first. */
  readonly #idle: Env[] = [];
  #busy = 0;
  #made = 0;
  #allowance: number;
  #allowedAt = 0;

  constructor(settings: PoolSettings, random: Prng, make: (environment: Environment) => Env) {
    this.#settings = settings;
    this.#random = random;
    this.#make = make;
    this.#allowance = 10 * settings.newPerSecond;
  }

  /** undefined: throttled. */
  acquire(now: number): { readonly environment: Env; readonly cold: boolean } | undefined {
    if (this.#busy >= this.#settings.concurrency) return this.#refuse();
    this.#expire(now);
    for (let warm = this.#idle.pop(); warm !== undefined; warm = this.#idle.pop()) {
      if (warm.endsAt <= now) continue;
      this.#count();
      return { environment: warm, cold: false };
    }
    if (!this.#mayStart(now)) return this.#refuse();
    this.colds++;
    this.#count();
    const endsAt = now + exponential(this.#random, 1 / this.#settings.lifeSeconds);
    return { environment: this.#make({ id: this.#made++, endsAt, idleSince: now }), cold: true };
  }

  release(environment: Env, now: number): void {
    this.#busy--;
    environment.idleSince = now;
    this.#idle.push(environment);
  }

  #expire(now: number): void {
    const alive = this.#idle.findIndex(({ idleSince }) => idleSince + this.#settings.idleSeconds > now);
    this.#idle.splice(0, alive < 0 ? this.#idle.length : alive);
  }

  #mayStart(now: number): boolean {
    const { newPerSecond } = this.#settings;
    const refilled = this.#allowance + (now - this.#allowedAt) * newPerSecond;
    this.#allowance = Math.min(10 * newPerSecond, refilled);
    this.#allowedAt = now;
    if (this.#allowance < 1) return false;
    this.#allowance--;
    return true;
  }

  #count(): void {
    this.#busy++;
    this.busiest = Math.max(this.busiest, this.#busy);
  }

  #refuse(): undefined {
    this.throttles++;
    return undefined;
  }
}
