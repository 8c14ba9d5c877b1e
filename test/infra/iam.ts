/**
 * IAM's decision on a request, as far as our policies go: statements of Allow and Deny, wildcards, policy variables, and
 * the operators of conditions that we use. Anything else in a policy throws: nothing is taken for granted.
 */
export interface Request {
  readonly action: string;
  readonly resource: string;
  /** Condition keys by name, e.g. `s3:prefix`, `aws:PrincipalTag/tenant`. A list where the key has many values. */
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

export interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Principal?: "*" | Readonly<Record<string, string | readonly string[]>>;
  readonly Action: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** A deny wins; without an allow it is no. */
export function isAllowed(statements: readonly Statement[], request: Request): boolean {
  const matching = statements.filter((statement) => matches(statement, request));
  return (
    matching.some(({ Effect }) => Effect === "Allow") && !matching.some(({ Effect }) => Effect === "Deny")
  );
}

/** Of a policy's JSON. */
export function statementsOf(policy: string): Statement[] {
  return list((JSON.parse(policy) as { Statement: Statement | Statement[] }).Statement);
}

export function list<T>(value: T | readonly T[] | undefined): T[] {
  return value === undefined ? [] : Array.isArray(value) ? [...value] : [value as T];
}

const KNOWN = new Set(["Sid", "Effect", "Principal", "Action", "Resource", "Condition"]);

function matches(statement: Statement, { action, resource, context = {} }: Request): boolean {
  const unknown = Object.keys(statement).filter((name) => !KNOWN.has(name));
  if (unknown.length > 0) throw new Error(`a statement with ${unknown.join()}: not known here`);
  return (
    list(statement.Action).some((pattern) => isLike(action.toLowerCase(), pattern.toLowerCase(), {})) &&
    list(statement.Resource).some((pattern) => isLike(resource, pattern, context)) &&
    Object.entries(statement.Condition ?? {}).every(([operator, keys]) =>
      Object.entries(keys).every(([key, wanted]) => holds(operator, context[key], list(wanted), context)),
    )
  );
}

type Context = NonNullable<Request["context"]>;
type Seen = string | readonly string[] | undefined;

function holds(operator: string, seen: Seen, wanted: readonly string[], context: Context): boolean {
  if (operator === "Null") return wanted.includes(String(seen === undefined));
  const [, set, test = ""] = /^(?:(ForAllValues|ForAnyValue):)?(\w+)$/.exec(operator) ?? [];
  const compare = TESTS[test];
  if (compare === undefined) throw new Error(`the condition ${operator}: not known here`);
  const values = list(seen);
  const isNegative = test.includes("Not");
  const fits = (value: string) =>
    isNegative
      ? wanted.every((pattern) => compare(value, pattern, context))
      : wanted.some((pattern) => compare(value, pattern, context));
  // Where a key isn't there: "for all" of nothing holds, and so does "not".
  if (set === "ForAllValues") return values.every(fits);
  if (values.length === 0) return isNegative;
  if (set === undefined && values.length > 1) throw new Error(`${operator} on a key with many values`);
  return values.some(fits);
}

const TESTS: Readonly<Record<string, (value: string, pattern: string, context: Context) => boolean>> = {
  StringEquals: (value, pattern, context) => value === filled(pattern, context),
  StringNotEquals: (value, pattern, context) => value !== filled(pattern, context),
  StringLike: isLike,
  ArnLike: isLike,
  ArnEquals: isLike,
  Bool: (value, pattern) => value === pattern,
};

/** `*` and `?` are any letters and any one; what a variable stands for is taken as it is. */
function isLike(value: string, pattern: string, context: Context): boolean {
  const parts = pattern.split(/(\$\{[^}]+\})/).map((part) => {
    if (part.startsWith("${")) return escaped(filled(part, context) ?? "\0");
    return part
      .split("*")
      .map((piece) => piece.split("?").map(escaped).join("."))
      .join(".*");
  });
  return new RegExp(`^${parts.join("")}$`, "s").test(value);
}

/** undefined where a variable stands for nothing: then nothing matches. */
function filled(pattern: string, context: Context): string | undefined {
  let isMissing = false;
  const text = pattern.replaceAll(/\$\{([^}]+)\}/g, (_, key: string) => {
    const value = context[key];
    if (typeof value !== "string") isMissing = true;
    return String(value);
  });
  return isMissing ? undefined : text;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
