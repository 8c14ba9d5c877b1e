import { type Chunks, decodeText } from "./decode-text.ts";
import { errorAt, type Finding, WHOLE_FILE } from "./reading.ts";

export interface Line {
  readonly kind: "line";
  /** Without its line end. */
  readonly text: string;
  /** 1-based. */
  readonly line: number;
  /** False for a last line without a line end: such a line may have been cut. */
  readonly terminated: boolean;
}

/** 1 MiB in UTF-16 units. Ten times the longest text that is accepted, so only a file without line ends passes it. */
export const MAX_LINE_LENGTH = 1_048_576;

/**
 * Bytes to lines in one pass. LF, CRLF and a lone CR end a line; U+2028, U+2029 and U+0085 do not, since JSON strings may
 * hold them. A finding is always an error and always the last item: not UTF-8, binary, or a line past the cap, which is
 * refused as soon as the cap is passed, before the rest of it is read.
 */
export async function* decodeLines(
  chunks: Chunks,
  maxLength = MAX_LINE_LENGTH,
): AsyncGenerator<Line | Finding> {
  let pending = "";
  let line = 1;
  let afterReturn = false;
  for await (const piece of decodeText(chunks)) {
    if (typeof piece !== "string") {
      const place = piece.wholeFile ? WHOLE_FILE : { line, column: pending.length + 1 };
      yield errorAt(place, piece.code, piece.message, piece.hint);
      return;
    }
    // The CR that ended the piece before has ended its line already; this LF is that line end's second half.
    let start = afterReturn && piece.startsWith("\n") ? 1 : 0;
    afterReturn = piece.endsWith("\r");
    const lineEnds = /\r\n?|\n/g;
    lineEnds.lastIndex = start;
    for (let end = lineEnds.exec(piece); end !== null; end = lineEnds.exec(piece)) {
      const text = pending + piece.slice(start, end.index);
      if (text.length > maxLength) {
        yield tooLong(line, maxLength);
        return;
      }
      yield { kind: "line", text, line, terminated: true };
      pending = "";
      line++;
      start = lineEnds.lastIndex;
    }
    pending += piece.slice(start);
    if (pending.length > maxLength) {
      yield tooLong(line, maxLength);
      return;
    }
  }
  if (pending !== "") yield { kind: "line", text: pending, line, terminated: false };
}

function tooLong(line: number, maxLength: number): Finding {
  return errorAt(
    { line, column: maxLength + 1 },
    "line_too_long",
    `expected at most ${maxLength} characters a line, seen more.`,
    "Write one row a line; reading stopped here.",
  );
}
