import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate, setTimeout } from "node:timers/promises";
import type { Prng } from "@kilotune/dataset";

/** Something that runs beside others, and may die at any call of the store: then it never hears of it again. */
export interface Actor {
  readonly name: string;
  isDead: boolean;
}

/**
 * Lets one call of the store through at a time, drawn at random from all that wait: so that whatever runs at once is
 * interleaved in as many ways as there are. `gate` is what a TestService's `gate` is set to.
 */
export class Turns {
  /** Calls let through so far. */
  count = 0;
  /** Called before each. */
  onTurn: (count: number) => void = () => {};
  readonly #random: Prng;
  readonly #waiting: Waiting[] = [];
  #isOver = false;
  readonly #running = new Map<Promise<void>, Actor>();
  readonly #actors = new AsyncLocalStorage<Actor>();

  constructor(random: Prng) {
    this.#random = random;
  }

  gate = async (): Promise<void> => {
    const actor = this.#actors.getStore();
    if (this.#isOver && actor?.isDead) throw new Error("dead");
    if (this.#isOver) return;
    await new Promise<void>((go, end) => {
      this.#waiting.push({ actor, go, end });
    });
  };

  /** Its answer; none for ever where the actor dies. */
  start<T>(actor: Actor, work: () => Promise<T>): Promise<T> {
    const done = this.#actors.run(actor, work);
    const settled = done.then(
      () => void this.#running.delete(settled),
      () => void this.#running.delete(settled),
    );
    this.#running.set(settled, actor);
    return done;
  }

  /** Until all that was started has ended or died. @throws where what runs neither ends nor calls the store */
  async drain(): Promise<void> {
    let stuckSince = performance.now();
    while ([...this.#running.values()].some(({ isDead }) => !isDead)) {
      await setImmediate();
      const alive = this.#waiting.filter(({ actor }) => !actor?.isDead);
      if (alive.length > 0) {
        const next = alive[this.#random.integer(alive.length)] as Waiting;
        this.#waiting.splice(this.#waiting.indexOf(next), 1);
        this.onTurn(this.count++);
        next.go();
        stuckSince = performance.now();
      } else if (performance.now() - stuckSince > STUCK_MS) {
        const names = [...this.#running.values()].map(({ name }) => name);
        throw new Error(`nothing happens any more, and these haven't ended: ${names.join(", ")}`);
      } else if (performance.now() - stuckSince > 1) await setTimeout(1);
    }
  }

  /** From now on every call goes through at once, but for those of the dead, which fail: so that their timers end. */
  end(): void {
    this.#isOver = true;
    for (const { go, end, actor } of this.#waiting.splice(0)) actor?.isDead ? end(new Error("dead")) : go();
  }
}

interface Waiting {
  readonly actor: Actor | undefined;
  readonly go: () => void;
  readonly end: (error: Error) => void;
}

const STUCK_MS = 20_000;
