/**
 * Of something that goes on: how fast it went in the last seconds, and how long the rest takes at that. undefined until
 * there is a second to judge by.
 *
 * @param clock milliseconds
 */
export class Pace {
  readonly #clock: () => number;
  /** Moments and what was done by then, the oldest first; the first one is at least a window old, where there is one. */
  #seen: { readonly ms: number; readonly done: number }[] = [];

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** Where it has begun anew, what was before doesn't count. */
  at(done: number, all: number): { readonly perSecond: number; readonly secondsLeft: number } | undefined {
    const ms = this.#clock();
    if (done < (this.#seen.at(-1)?.done ?? 0)) this.#seen = [];
    const last = this.#seen.at(-1);
    if (last === undefined || ms - last.ms >= STEP_MS) this.#seen.push({ ms, done });
    while (this.#seen[1] !== undefined && ms - this.#seen[1].ms >= WINDOW_MS) this.#seen.shift();
    const [first] = this.#seen;
    if (first === undefined || ms - first.ms < LEAST_MS) return undefined;
    const perSecond = (1000 * (done - first.done)) / (ms - first.ms);
    return perSecond > 0 ? { perSecond, secondsLeft: (all - done) / perSecond } : undefined;
  }
}

const WINDOW_MS = 5000;
const STEP_MS = 100;
const LEAST_MS = 1000;
