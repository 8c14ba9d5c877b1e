/**
 * Requests made from an OpenAPI document: valid ones, ones that are wrong in one place, hostile ones. For tests and
 * benchmarks: from one `uniform` (0 .. 1, seeded) come the same requests each time.
 */
export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | FormData | undefined;
}

export interface Fuzzer {
  next(): FuzzRequest;
}

// biome-ignore lint/suspicious/noExplicitAny: a document as parsed
type Any = any;

/** `ids`: what a path's parameters may well be, beside strange things. `skip`: operations left out, as `DELETE /v1/tenant`. */
export function fuzzer(
  document: Any,
  uniform: () => number,
  { ids, skip = [] }: { readonly ids: readonly string[]; readonly skip?: readonly string[] },
): Fuzzer {
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(uniform() * choices.length)] as T;
  const chance = (share: number) => uniform() < share;
  const operations = Object.entries<Any>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Any>(methods)
      .map(([method, operation]) => ({ method: method.toUpperCase(), path, operation }))
      .filter(({ method }) => !skip.includes(`${method} ${path}`)),
  );
  const anyId = () => (chance(0.6) ? pick(ids) : String(strange()));
  const strange = (): unknown => pick(STRANGE);

  const resolve = (schema: Any): Any =>
    schema?.$ref ? resolve(document.components.schemas[schema.$ref.split("/").pop()]) : (schema ?? {});

  /** A value that the schema allows, or nearly. */
  const value = (given: Any, depth = 0): unknown => {
    if (chance(0.04) || depth > 6) return strange();
    const schema = resolve(given);
    const branches = schema.oneOf ?? schema.anyOf;
    if (branches) return value(pick(branches), depth + 1);
    if (schema.allOf) return Object.assign({}, ...schema.allOf.map((each: Any) => value(each, depth + 1)));
    if (schema.const !== undefined) return schema.const;
    if (schema.enum) return pick(schema.enum);
    const type = Array.isArray(schema.type) ? pick(schema.type) : schema.type;
    if (type === "null") return null;
    if (type === "boolean") return chance(0.5);
    if (type === "integer" || type === "number") return number(schema);
    if (type === "array") return list(schema, depth);
    if (type === "object") return object(schema, depth);
    return chance(0.5) ? pick(ids) : pick(WORDS);
  };

  const number = ({ minimum = 0, maximum = 1000 }: Any): number =>
    chance(0.1)
      ? pick([-1, 1e308, 0.5, 2 ** 53])
      : Math.floor(minimum + uniform() * (Math.min(maximum, 1e9) - minimum));

  const list = (schema: Any, depth: number): unknown[] => {
    const length = chance(0.03) ? 3000 : Math.floor(uniform() * 4);
    return Array.from({ length }, () => value(schema.items, depth + 1));
  };

  const object = (schema: Any, depth: number): object => {
    const made: Record<string, unknown> = {};
    for (const [name, inner] of Object.entries<Any>(schema.properties ?? {})) {
      const wanted = schema.required?.includes(name) ? 0.97 : 0.3;
      if (chance(wanted)) made[name] = value(inner, depth + 1);
    }
    if (chance(0.05)) made[String(strange()).slice(0, 200)] = strange();
    if (schema.additionalProperties && chance(0.5)) made[pick(WORDS)] = pick(WORDS);
    return made;
  };

  const bodyOf = (operation: Any): Pick<FuzzRequest, "body" | "headers"> => {
    const content = operation.requestBody?.content ?? {};
    if (content["multipart/form-data"]) return { body: form(), headers: {} };
    const schema = content["application/json"]?.schema;
    if (schema === undefined) return { body: undefined, headers: {} };
    const text = JSON.stringify(value(schema)) ?? "";
    const type = chance(0.03)
      ? pick(["text/plain", "application/json; charset=utf-16", ""])
      : "application/json";
    const torn = chance(0.04) ? text.slice(0, Math.floor(uniform() * text.length)) : text;
    return { body: torn, headers: { "content-type": type } };
  };

  const form = (): FormData => {
    const data = new FormData();
    const content = chance(0.5) ? '{"text":"a","label":"b"}\n{"text":"c","label":"d"}\n' : String(strange());
    const file = () =>
      data.append(pick(["file", "file", "file", "data"]), new Blob([content]), pick(FILE_NAMES));
    const purpose = () => data.append("purpose", chance(0.8) ? "fine-tune" : String(strange()));
    for (const part of chance(0.5) ? [file, purpose] : [purpose, file]) if (chance(0.95)) part();
    return data;
  };

  return {
    next() {
      const { method, path, operation } = pick(operations);
      const address = path.replaceAll(/\{[^}]+\}/g, () => encodeURIComponent(wellFormed(anyId())));
      const query = new URLSearchParams();
      const headers: Record<string, string> = {};
      for (const parameter of operation.parameters ?? []) {
        if (parameter.in === "path" || !chance(0.4)) continue;
        const text = wellFormed(String(value(parameter.schema)));
        if (parameter.in === "query") query.append(parameter.name, text);
        else if (HEADER.test(text)) headers[parameter.name] = text;
      }
      if (chance(0.03)) query.append(wellFormed(String(strange())), "x");
      if (chance(0.05)) headers["idempotency-key"] = pick(["a", "b", "c c", "x".repeat(300)]);
      if (chance(0.03)) headers.accept = pick(["text/event-stream", "*/*", "x"]);
      const search = query.size > 0 ? `?${query}` : "";
      const { body, headers: own } = bodyOf(operation);
      return { method, path: `${address}${search}`, headers: { ...headers, ...own }, body };
    },
  };
}

const HEADER = /^[!-~]([ -~]{0,200}[!-~])?$/;
const WORDS = ["minilm-l6", "fine-tune", "a", "2026-11-25", "https://example.com/x", "desk", "b c", "ä"];
const FILE_NAMES = ["a.jsonl", "b.csv", "../c", "d\u0000", "ü.jsonl", "x".repeat(300)];
const STRANGE: readonly unknown[] = [
  "",
  " ",
  "../../etc/passwd",
  "..%2f..%2f",
  "\u0000",
  "__proto__",
  "constructor",
  "toString",
  "x".repeat(5000),
  "\ud800",
  "💥",
  "%",
  "%zz",
  "' OR 1=1 --",
  "<script>",
  "\r\nx: y",
  "null",
  "NaN",
  "9".repeat(400),
  null,
  true,
  0,
  -1,
  1e21,
  1.5,
  [],
  [[[[[]]]]],
  {},
  { $ref: "#/" },
  JSON.parse('{"__proto__":{"x":1}}'),
];

function wellFormed(text: string): string {
  return text.toWellFormed();
}
