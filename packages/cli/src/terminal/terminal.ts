import { once } from "node:events";
import type { Readable } from "node:stream";
import { styleText } from "node:util";
import { jsonText } from "./json-text.ts";
import { LiveLine, type TextStream } from "./live-line.ts";

/** All of the outside that a command may touch, besides files: the process's, or a test's. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean; setRawMode?(on: boolean): unknown };
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Milliseconds, for durations only. */
  clock(): number;
  /** Takes over the first Ctrl-C, or SIGTERM, from now on: it aborts the signal. The second one kills as ever. */
  takeInterrupt(): AbortSignal;
}

export type Style = Parameters<typeof styleText>[0];

/**
 * How a command speaks. Results go to stdout: JSON lines with --json, else words. Everything else goes to stderr.
 */
export class Terminal {
  readonly io: Io;
  readonly json: boolean;
  readonly #live: LiveLine;

  constructor(io: Io, json: boolean) {
    this.io = io;
    this.json = json;
    this.#live = new LiveLine(io.stderr, io.clock);
  }

  /** One result: `value` as a JSON line, or the words for it. */
  result(value: unknown, words: () => string): void {
    this.#live.clear();
    this.io.stdout.write(`${this.json ? jsonText(value) : words()}\n`);
  }

  /** Waits until stdout has taken what was written: for results without end. */
  async drained(): Promise<void> {
    if (this.io.stdout.writableNeedDrain) await once(this.io.stdout, "drain");
  }

  /** Words about the work. */
  say(text: string): void {
    this.#live.clear();
    this.io.stderr.write(`${text}\n`);
  }

  /** See LiveLine. */
  progress(text: string, isMilestone = true): void {
    this.#live.update(text, isMilestone);
  }

  endProgress(): void {
    this.#live.clear();
  }

  /** Colours, where the stream is a terminal that has them and NO_COLOR isn't set. */
  paint(stream: "stdout" | "stderr", style: Style, text: string): string {
    return styleText(style, text, { stream: this.io[stream] });
  }

  /** Columns of what stdout is shown on; a terminal that doesn't know its size says 0. */
  get columns(): number {
    return this.io.stdout.columns || 80;
  }
}
