/**
 * JSON of plain data in which a Map is an object with its keys in its order. The text is built from the entries, since
 * an object in between would lose a key `__proto__` and put keys like "7" first.
 */
export function jsonText(value: unknown): string {
  if (value instanceof Map) return objectText(value);
  if (Array.isArray(value)) return `[${value.map((item) => jsonText(item ?? null)).join(",")}]`;
  if (typeof value === "object" && value !== null) return objectText(Object.entries(value));
  return JSON.stringify(value) ?? "null";
}

function objectText(entries: Iterable<readonly [unknown, unknown]>): string {
  const members = [...entries].filter(([, value]) => value !== undefined);
  return `{${members.map(([key, value]) => `${JSON.stringify(String(key))}:${jsonText(value)}`).join(",")}}`;
}
