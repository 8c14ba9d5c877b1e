/**
 * What JSON.parse lets pass but a header must not have; undefined where there is no such fault. A key twice: JSON.parse
 * silently keeps the last one, so that two readers of one file could see two different tensors. Deep nesting: it
 * overflows the stack of whoever walks the value. `json` must have passed JSON.parse.
 */
export function findJsonFault(json: string, maxDepth: number): string | undefined {
  /** The keys of each object that is open; an array has an entry too, which stays empty. */
  const open: Set<string>[] = [];
  let at = 0;
  while (at < json.length) {
    const char = json[at];
    if (char === '"') {
      const end = endOfString(json, at);
      if (isKey(json, end)) {
        // Compared as they read, not as they are written: "\u0061" is "a".
        const key: string = JSON.parse(json.slice(at, end));
        const keys = open.at(-1);
        if (keys?.has(key)) return `the key ${JSON.stringify(key.slice(0, 80))} twice`;
        keys?.add(key);
      }
      at = end;
      continue;
    }
    if (char === "{" || char === "[") open.push(new Set());
    if (char === "}" || char === "]") open.pop();
    if (open.length > maxDepth) return `values nested ${open.length} deep`;
    at++;
  }
  return undefined;
}

/** Just behind the closing quote of the string that opens at `start`. */
function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return at + 1;
}

function isKey(json: string, end: number): boolean {
  let at = end;
  while (/\s/.test(json[at] ?? "")) at++;
  return json[at] === ":";
}
