import type { Writable } from "node:stream";
import { oneLine } from "./printable.ts";

export type TextStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/**
 * One line that changes while something goes on. On a terminal it is drawn again in place; elsewhere (a file, CI) its
 * milestones become plain lines, at most one every two seconds.
 *
 * @param clock milliseconds
 */
export class LiveLine {
  readonly #stream: TextStream;
  readonly #clock: () => number;
  #drawn = "";
  #last = Number.NEGATIVE_INFINITY;

  constructor(stream: TextStream, clock: () => number) {
    this.#stream = stream;
    this.#clock = clock;
  }

  /** `isMilestone`: worth a line of its own where nothing can be drawn again. */
  update(text: string, isMilestone: boolean): void {
    const now = this.#clock();
    const inPlace = this.#stream.isTTY === true;
    if (now - this.#last < (inPlace ? REDRAW_MS : LINE_MS)) return;
    if (!inPlace && !isMilestone) return;
    this.#last = now;
    if (!inPlace) {
      this.#stream.write(`${text}\n`);
      return;
    }
    this.#drawn = oneLine(text, (this.#stream.columns || 80) - 1);
    this.#stream.write(`${ERASE}${this.#drawn}`);
  }

  /** Takes the line off the terminal, so that something else can be written. */
  clear(): void {
    if (this.#drawn === "") return;
    this.#stream.write(ERASE);
    this.#drawn = "";
    this.#last = Number.NEGATIVE_INFINITY;
  }
}

const REDRAW_MS = 80;
const LINE_MS = 2000;

/** To the line's start, and the rest of it wiped. */
const ERASE = "\r\u001B[K";
