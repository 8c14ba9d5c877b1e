import { parseArgs } from "node:util";
import type { KilotuneError } from "@kilotune/contract";
import { printable } from "../terminal/printable.ts";
import { usageError } from "../usage-error.ts";
import { COMMON_FLAGS, type Flag, type Flags, type Parsed, type Positionals } from "./flags.ts";
import { nearest } from "./nearest.ts";

/** The part of a command that the parser reads. `name` is for messages: "tune", "backbone pull". */
export interface Takes<F extends Flags, P extends Positionals> {
  readonly name: string;
  readonly flags: F;
  readonly positionals: P;
}

/**
 * The words after a command's name -> typed values. Nothing is guessed or skipped: a flag that isn't in the table, one
 * given twice, without its value or with a bad one, too few or too many words are all refused.
 *
 * @throws KilotuneError of kind "usage"
 */
export function parseCommand<F extends Flags, P extends Positionals>(
  { name, flags, positionals }: Takes<F, P>,
  argv: readonly string[],
): Parsed<F, P> {
  const table: Flags = { ...flags, ...COMMON_FLAGS };
  const { given, words } = sortOut(name, table, positionals, argv);
  const values = new Map<string, unknown>();
  for (const [flagName, flag] of Object.entries(flags)) {
    values.set(camelCase(flagName), parseValue(name, flagName, flag, given.get(flagName) ?? []));
  }
  for (const [key, value] of assignWords(name, positionals, words)) values.set(key, value);
  return Object.fromEntries(values) as Parsed<F, P>;
}

/** Flags with the values given to each ("" for a switch), and the other words. */
function sortOut(name: string, table: Flags, positionals: Positionals, argv: readonly string[]) {
  const options = Object.fromEntries(
    Object.entries(table).map(([flag, { kind }]) => [
      flag,
      { type: kind === "switch" ? ("boolean" as const) : ("string" as const), multiple: true },
    ]),
  );
  // Not strict: node's own messages name neither the command nor the flag that was meant.
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const given = new Map<string, string[]>();
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const flag = Object.hasOwn(table, token.name) ? table[token.name] : undefined;
    if (flag === undefined || !token.rawName.startsWith("--"))
      throw unknownFlag(name, token.rawName, table, positionals);
    const { value, inlineValue } = token;
    if (flag.kind === "switch") {
      if (inlineValue)
        throw usageError(name, `${token.rawName} takes no value`, `Write only ${token.rawName}.`);
    } else if (value === undefined || (!inlineValue && value.startsWith("--")) || value === "") {
      throw usageError(name, `${token.rawName} needs a value`, `Write ${token.rawName} ${wordFor(flag)}.`);
    }
    const before = given.get(token.name) ?? [];
    if (before.length > 0 && flag.kind !== "texts" && flag.kind !== "switch")
      throw usageError(name, `${token.rawName} is given twice`, "Give it once.");
    given.set(token.name, [...before, value ?? ""]);
  }
  return { given, words };
}

function parseValue(command: string, name: string, flag: Flag, given: readonly string[]): unknown {
  if (flag.kind === "switch") return given.length > 0;
  if (flag.kind === "texts") {
    if (flag.required && given.length === 0)
      throw usageError(command, `--${name} is missing`, `Add --${name} ${flag.value}.`);
    return given;
  }
  const [text] = given;
  if (text === undefined) return flag.default;
  if (flag.kind === "text") return text;
  if (flag.kind === "choice") {
    if (flag.of.includes(text)) return text;
    const meant = nearest(text, flag.of);
    throw usageError(
      command,
      `--${name}: expected ${flag.of.join(", ")}, but saw "${printable(text, 40)}"`,
      `Try --${name} ${meant ?? flag.of[0]}.`,
    );
  }
  if (text === flag.or) return text;
  const number = Number(text);
  if (/^-?\d+$/.test(text) && number >= flag.min && number <= flag.max) return number;
  throw usageError(
    command,
    `--${name}: expected a whole number from ${flag.min} to ${flag.max}${flag.or ? ` or "${flag.or}"` : ""}, but saw "${printable(text, 40)}"`,
    `Write for instance --${name} ${flag.default ?? flag.or ?? flag.min}.`,
  );
}

function* assignWords(
  name: string,
  positionals: Positionals,
  words: readonly string[],
): Generator<[key: string, value: string | readonly string[]]> {
  const left = [...words];
  for (const [key, { value, count }] of Object.entries(positionals)) {
    if (count === "any") {
      yield [key, left.splice(0)];
      continue;
    }
    const word = left.shift();
    if (word === undefined || word === "") throw usageError(name, `${value} is missing`, `Give ${value}.`);
    yield [key, word];
  }
  if (left[0] !== undefined) {
    throw usageError(
      name,
      `expected no more words, but saw "${printable(left[0], 40)}"`,
      "A path or a text with blanks goes in quotes.",
    );
  }
}

function unknownFlag(name: string, seen: string, table: Flags, positionals: Positionals): KilotuneError {
  const meant = nearest(seen.replace(/^-+/, ""), Object.keys(table));
  const takesTexts = Object.values(positionals).some(({ count }) => count === "any");
  const hint = [
    meant === undefined ? "" : `Did you mean --${meant}?`,
    takesTexts ? 'A text that begins with "-" goes after "--".' : "",
  ];
  return usageError(
    name,
    `no flag ${printable(seen, 40)}`,
    hint.filter(Boolean).join(" ") || "Check its spelling.",
  );
}

function wordFor(flag: Flag): string {
  if (flag.kind === "choice") return flag.of.join("|");
  return flag.kind === "switch" ? "" : flag.value;
}

function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
