import { parseArgs } from "node:util";
import { isCodedError, KilotuneError } from "@kilotune/contract";

/** A switch, or a flag with a value; `many` may be given several times. */
export interface Flag {
  /** The word that stands for the value on the help page; none for a switch. */
  readonly value?: string;
  readonly many?: true;
  readonly about: string;
}

export interface Action {
  readonly about: string;
  readonly flags: Readonly<Record<string, Flag>>;
  /** @returns the result, as data and as words */
  run(given: Given, tell: Tell): Promise<{ readonly result: object; readonly words: readonly string[] }>;
}

export interface Given {
  has(flag: string): boolean;
  text(flag: string): string | undefined;
  texts(flag: string): readonly string[];
}

/** What goes on, for who waits. */
export type Tell = (words: string) => void;

export interface CommandLine {
  /** As it is typed, e.g. "npm run layer --". */
  readonly name: string;
  readonly about: string;
  readonly actions: Readonly<Record<string, Action>>;
}

export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/**
 * Runs one action of a command of this folder. Progress and errors go to stderr, the result to stdout; with --json stdout
 * has JSON lines alone, the last one the result or the error.
 *
 * @returns 0 done, 1 the input is bad, 2 wrong usage, 3 the machine failed
 */
export async function runCommand(
  command: CommandLine,
  [name, ...rest]: readonly string[],
  { out, err }: Streams = PROCESS,
): Promise<number> {
  let json = rest.includes("--json") || name === "--json";
  try {
    if (name === undefined || HELP.has(name)) {
      out(helpOf(command));
      return name === undefined ? 2 : 0;
    }
    const action = Object.hasOwn(command.actions, name) ? command.actions[name] : undefined;
    if (action === undefined)
      throw usage(command, `expected one of ${Object.keys(command.actions).join(", ")}, saw ${quoted(name)}`);
    if (rest.some((word) => HELP.has(word))) {
      out(helpOfAction(command, name, action));
      return 0;
    }
    const given = parse(command, action, rest);
    json = given.has("json");
    const tell: Tell = (words) =>
      json ? out(`${JSON.stringify({ progress: words })}\n`) : err(`${words}\n`);
    const { result, words } = await action.run(given, tell);
    out(json ? `${JSON.stringify(result)}\n` : words.map((line) => `${line}\n`).join(""));
    return 0;
  } catch (error) {
    const { code, message, hint, exitCode } = failureOf(error);
    if (json) out(`${JSON.stringify({ error: { code, message, hint } })}\n`);
    else err(`${message}\n${hint ? `${hint}\n` : ""}`);
    return exitCode;
  }
}

/** What an error of a command is to who called it. */
export function failureOf(error: unknown) {
  if (isCodedError(error)) {
    const { code, message, hint, kind } = error;
    return { code, message, hint, exitCode: EXIT_CODES[kind] };
  }
  const message = error instanceof Error ? error.message : String(error);
  const system = error instanceof Error && "syscall" in error && "code" in error ? String(error.code) : "";
  if (system === "ENOSPC" || system === "EDQUOT")
    return {
      code: "disk_full",
      message: `The disk is full: ${message}`,
      hint: "Free some space, or give another folder with --out; nothing half-made was left.",
      exitCode: 3,
    };
  if (system !== "")
    return {
      code: "machine_failed",
      message: `The machine refused: ${message}`,
      hint: "Check disk and permissions, then run the command again.",
      exitCode: 3,
    };
  const trace = error instanceof Error ? (error.stack ?? message) : message;
  return {
    code: "bug",
    message: `This is a bug in Kilotune: ${trace}`,
    hint: "Please report it.",
    exitCode: 3,
  };
}

const EXIT_CODES = { input: 1, usage: 2, machine: 3 } as const;
const HELP: ReadonlySet<string> = new Set(["--help", "-h", "help"]);

const COMMON: Readonly<Record<string, Flag>> = {
  json: { about: "Only JSON lines on stdout, the last one the result" },
  help: { about: "Show this page" },
};

const PROCESS: Streams = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};

function parse(command: CommandLine, action: Action, words: readonly string[]): Given {
  const flags = { ...action.flags, ...COMMON };
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { value, many = false }]) => [
      name,
      { type: value === undefined ? ("boolean" as const) : ("string" as const), multiple: many },
    ]),
  );
  let values: Record<string, unknown>;
  try {
    ({ values } = parseArgs({ args: [...words], options, allowPositionals: false }));
  } catch (cause) {
    throw usage(command, (cause as Error).message, cause);
  }
  return {
    has: (flag) => values[flag] === true,
    text: (flag) => values[flag] as string | undefined,
    texts: (flag) => (values[flag] as string[] | undefined) ?? [],
  };
}

function helpOf({ name, about, actions }: CommandLine): string {
  const rows = Object.entries(actions).map(([action, each]) => `  ${action.padEnd(12)}${each.about}\n`);
  return `${name} ACTION [--flags]\n\n${about}\n\n${rows.join("")}\n${name} ACTION --help shows an action's flags.\n`;
}

function helpOfAction({ name }: CommandLine, action: string, { about, flags }: Action): string {
  const rows = Object.entries({ ...flags, ...COMMON }).map(([flag, { value, many, about: what }]) => {
    const shown = `--${flag}${value === undefined ? "" : ` ${value}`}${many ? " .." : ""}`;
    return `  ${shown.padEnd(24)}${what}\n`;
  });
  return `${name} ${action} [--flags]\n\n${about}\n\n${rows.join("")}`;
}

function usage({ name }: CommandLine, message: string, cause?: unknown): KilotuneError {
  return new KilotuneError("bad_usage", message, `${name} --help shows what there is.`, {
    kind: "usage",
    cause,
  });
}

function quoted(word: string): string {
  return JSON.stringify(word.slice(0, 80));
}
