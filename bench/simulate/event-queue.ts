/** What is to happen, by time: a binary heap. Events of one moment come in the order in which they were added. */
export class EventQueue<Event> {
  readonly #heap: Entry<Event>[] = [];
  #added = 0;

  get size(): number {
    return this.#heap.length;
  }

  add(time: number, event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    const entry = { time, order: this.#added++, event };
    for (let parent = (at - 1) >> 1; at > 0; at = parent, parent = (at - 1) >> 1) {
      const above = heap[parent] as Entry<Event>;
      if (!isBefore(entry, above)) break;
      heap[at] = above;
    }
    heap[at] = entry;
  }

  /** The earliest; undefined where there is none. */
  take(): Entry<Event> | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry<Event>, heap[child] as Entry<Event>))
        child++;
      if (!isBefore(heap[child] as Entry<Event>, last)) break;
      heap[at] = heap[child] as Entry<Event>;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

interface Entry<Event> {
  readonly time: number;
  readonly order: number;
  readonly event: Event;
}

function isBefore(a: Entry<unknown>, b: Entry<unknown>): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}
