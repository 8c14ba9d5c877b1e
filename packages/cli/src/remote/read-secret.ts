import { KilotuneError } from "@kilotune/contract";
import type { Terminal } from "../terminal/terminal.ts";

/**
 * A line that nobody sees: typed without an echo at a terminal, else the first line of stdin. Never a word of the command
 * line, which other users of the machine can list and a shell remembers.
 */
export async function readSecret({ io }: Terminal, question: string): Promise<string> {
  const { stdin, stderr } = io;
  const typed = stdin.isTTY === true;
  if (typed) stderr.write(question);
  stdin.setRawMode?.(true);
  try {
    let text = "";
    for await (const piece of stdin.setEncoding("utf8") as AsyncIterable<string>) {
      for (const letter of piece) {
        if (letter === "\r" || letter === "\n" || letter === END) return text.trim();
        if (letter === INTERRUPT) throw interrupted();
        text = letter === "\u007f" || letter === "\b" ? text.slice(0, -1) : text + letter;
      }
      if (text.length > LONGEST) break;
    }
    return text.trim();
  } finally {
    stdin.setRawMode?.(false);
    if (typed) stderr.write("\n");
  }
}

/** Ctrl-C and Ctrl-D: without an echo the terminal leaves them to us. */
const [INTERRUPT, END] = ["\u0003", "\u0004"];
const LONGEST = 4096;

function interrupted(): KilotuneError {
  return new KilotuneError("interrupted", "Stopped by Ctrl-C.", "Nothing was stored.", { kind: "machine" });
}
