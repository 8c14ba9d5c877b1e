import { beginSpan, currentPlace, type TracedSpan } from "@kilotune/contract/spans";

/** What a call waits for, as spans: `queue` until the first of its rows is in a pass, then `passes` until the last is answered. */
export class CallSpans {
  /** Kept, since passes run in the name of whichever call came first. */
  readonly #place = currentPlace();
  readonly #attributes: { readonly "kilotune.rows": number; readonly "kilotune.background": boolean };
  #now: TracedSpan;
  #last: TracedSpan | undefined;
  #passes = 0;

  constructor(rows: number, background: boolean) {
    this.#attributes = { "kilotune.rows": rows, "kilotune.background": background };
    this.#now = this.#begin("queue");
  }

  /** Some of its rows are in this pass, which is a trace of its own: it is of many calls. */
  inPass(pass: TracedSpan): void {
    if (this.#last === pass) return;
    this.#last = pass;
    if (this.#passes++ === 0) {
      this.#now.end();
      this.#now = this.#begin("passes");
    }
    pass.linkTo(this.#now);
  }

  end(error?: unknown): void {
    if (this.#passes > 0) this.#now.set({ "kilotune.passes": this.#passes });
    if (error !== undefined) this.#now.fail(error);
    this.#now.end();
  }

  #begin(name: string): TracedSpan {
    return beginSpan(name, { place: this.#place, attributes: this.#attributes });
  }
}
