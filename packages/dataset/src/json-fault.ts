/** Where and why a text is no JSON. */
export interface JsonFault {
  /** UTF-16 units before the fault; the text's length where it ends too early. */
  readonly offset: number;
  readonly expected: string;
}

/**
 * The first offset at which `text` can't be JSON (RFC 8259) any more, or null where it is JSON. `JSON.parse` knows, but
 * says so only in a message that differs from engine to engine and, for some faults, holds no position. Iterative, so
 * that a line of a million brackets can't overflow the stack.
 */
export function findJsonFault(text: string): JsonFault | null {
  const closers: ("}" | "]")[] = [];
  let want: "value" | "value or ]" | "key" | "key or }" | ":" | "next" = "value";
  let at = 0;
  for (;;) {
    at = afterBlanks(text, at);
    const seen = text[at];
    const closer = closers.at(-1);
    if (want === "next" && closer === undefined)
      return seen === undefined ? null : { offset: at, expected: "the end of the line" };
    if (seen === closer && (want === "next" || want === "value or ]" || want === "key or }")) {
      closers.pop();
      want = "next";
      at++;
    } else if (want === "next") {
      if (seen !== ",") return { offset: at, expected: `"," or "${closer}"` };
      want = closer === "}" ? "key" : "value";
      at++;
    } else if (want === ":") {
      if (seen !== ":") return { offset: at, expected: '":"' };
      want = "value";
      at++;
    } else if (want === "key" || want === "key or }") {
      if (seen !== '"') return { offset: at, expected: "a key in double quotes" };
      const end = afterString(text, at);
      if (typeof end !== "number") return end;
      want = ":";
      at = end;
    } else if (seen === "{" || seen === "[") {
      closers.push(seen === "{" ? "}" : "]");
      want = seen === "{" ? "key or }" : "value or ]";
      at++;
    } else {
      const end = afterScalar(text, at);
      if (typeof end !== "number") return end;
      want = "next";
      at = end;
    }
  }
}

export function afterBlanks(text: string, at: number): number {
  while (text[at] === " " || text[at] === "\t" || text[at] === "\n" || text[at] === "\r") at++;
  return at;
}

function afterScalar(text: string, at: number): number | JsonFault {
  const seen = text[at];
  if (seen === '"') return afterString(text, at);
  if (seen === "-" || isDigit(seen)) return afterNumber(text, at);
  const word = ["true", "false", "null"].find((literal) => literal[0] === seen);
  if (word === undefined) return { offset: at, expected: "a value" };
  for (let i = 1; i < word.length; i++) {
    if (text[at + i] !== word[i]) return { offset: at + i, expected: word };
  }
  return at + word.length;
}

function afterString(text: string, start: number): number | JsonFault {
  for (let at = start + 1; ; at++) {
    const unit = text.charCodeAt(at);
    if (Number.isNaN(unit)) return { offset: at, expected: 'a closing "' };
    if (unit === 0x22) return at + 1;
    if (unit < 0x20)
      return {
        offset: at,
        expected: `the escape \\u00${unit.toString(16).padStart(2, "0")} for a control character`,
      };
    if (unit !== 0x5c) continue;
    at++;
    const letter = text[at] ?? "";
    if (letter !== "u" && (letter === "" || !'"\\/bfnrt'.includes(letter)))
      return { offset: at, expected: 'one of " \\ / b f n r t u after \\' };
    if (letter !== "u") continue;
    for (let digit = 0; digit < 4; digit++) {
      at++;
      if (!/^[0-9a-fA-F]$/.test(text[at] ?? ""))
        return { offset: at, expected: "four hexadecimal digits after \\u" };
    }
  }
}

function afterNumber(text: string, start: number): number | JsonFault {
  let at = text[start] === "-" ? start + 1 : start;
  if (!isDigit(text[at])) return { offset: at, expected: "a digit" };
  at = text[at] === "0" ? at + 1 : afterDigits(text, at);
  if (text[at] === ".") {
    if (!isDigit(text[at + 1])) return { offset: at + 1, expected: "a digit" };
    at = afterDigits(text, at + 1);
  }
  if (text[at] === "e" || text[at] === "E") {
    at += text[at + 1] === "+" || text[at + 1] === "-" ? 2 : 1;
    if (!isDigit(text[at])) return { offset: at, expected: "a digit" };
    at = afterDigits(text, at);
  }
  return at;
}

function afterDigits(text: string, at: number): number {
  while (isDigit(text[at])) at++;
  return at;
}

function isDigit(unit: string | undefined): boolean {
  return unit !== undefined && unit >= "0" && unit <= "9";
}
