import { KilotuneError } from "@kilotune/contract";
import { commandHelp, contentsHelp } from "./args/help.ts";
import { nearest } from "./args/nearest.ts";
import { parseCommand } from "./args/parse.ts";
import type { AnyCommand } from "./command.ts";
import { type ExitCode, failureOf, failureTrace, failureWords } from "./exit.ts";
import { printable } from "./terminal/printable.ts";
import { type Io, Terminal } from "./terminal/terminal.ts";
import { VERSION } from "./version.ts";

export type CommandTable = ReadonlyMap<string, () => Promise<AnyCommand>>;

/** One call of the command line, from its words to its exit code. Never throws. */
export async function runCli(argv: readonly string[], commands: CommandTable, io: Io): Promise<ExitCode> {
  const own = untilTerminator(argv);
  const terminal = new Terminal(io, own.includes("--json"));
  try {
    return await dispatch(argv, commands, terminal);
  } catch (error) {
    terminal.endProgress();
    const failure = failureOf(error);
    const { exitCode, ...told } = failure;
    terminal.say(terminal.paint("stderr", exitCode === 130 ? "yellow" : "red", failureWords(failure)));
    if (own.includes("--debug")) terminal.say(failureTrace(error));
    if (terminal.json) terminal.result({ error: told }, () => "");
    return exitCode;
  }
}

async function dispatch(
  argv: readonly string[],
  commands: CommandTable,
  terminal: Terminal,
): Promise<ExitCode> {
  const { name, rest } = commandName(argv, commands);
  const wantsHelp = untilTerminator(rest).some((word) => word === "--help" || word === "-h");
  const load = commands.get(name);
  if (load !== undefined) {
    const command = await load();
    if (wantsHelp) return show(terminal, commandHelp(name, command));
    return (await command.run(parseCommand({ name, ...command }, rest), terminal)) ?? 0;
  }
  if (name === "" && rest.includes("--version")) return show(terminal, VERSION);
  if (wantsHelp || (name === "" && rest.length === 0)) {
    const page = await contentsPage(name, commands);
    if (wantsHelp) return show(terminal, page);
    terminal.say(page);
  }
  throw unknownCommand(name, rest, commands);
}

function show(terminal: Terminal, page: string): ExitCode {
  terminal.result({ help: page }, () => page);
  return 0;
}

/** The command's name, or that of a group, and the words for it. Switches of all commands may stand in front. */
function commandName(argv: readonly string[], commands: CommandTable) {
  const at = argv.findIndex((word) => !word.startsWith("-"));
  if (at < 0) return { name: "", rest: argv };
  const front = argv.slice(0, at);
  const words = argv.slice(at);
  for (let count = LONGEST_NAME; count > 1; count--) {
    const name = words.slice(0, count).join(" ");
    const isGroup = namesIn(name, commands).length > 0;
    if (commands.has(name) || isGroup) return { name, rest: [...front, ...words.slice(count)] };
  }
  return { name: words[0] as string, rest: [...front, ...words.slice(1)] };
}

/** In words: "admin key rotate". */
const LONGEST_NAME = 3;

async function contentsPage(group: string, commands: CommandTable): Promise<string> {
  const shown = namesIn(group, commands);
  if (shown.length === 0) throw unknownCommand(group, [], commands);
  const loaded = new Map<string, AnyCommand>();
  for (const name of shown) loaded.set(name, await commands.get(name)!());
  const title =
    group === ""
      ? "kilotune COMMAND: from labelled sentences to a tuned prompt of some tens of kilobytes, and its answers."
      : `kilotune ${group} COMMAND`;
  return contentsHelp(title, loaded);
}

function namesIn(group: string, commands: CommandTable): string[] {
  return [...commands.keys()].filter((name) => group === "" || name.startsWith(`${group} `));
}

function unknownCommand(name: string, rest: readonly string[], commands: CommandTable): KilotuneError {
  const group = namesIn(name, commands);
  const isGroup = name !== "" && group.length > 0;
  const seen = isGroup ? `${name} ${rest.find((word) => !word.startsWith("-")) ?? ""}`.trim() : name;
  const known = isGroup ? group : [...commands.keys()];
  const meant = nearest(seen, known);
  const hint = meant === undefined ? `Commands: ${known.join(", ")}.` : `Did you mean kilotune ${meant}?`;
  const message =
    seen === "" || (isGroup && seen === name)
      ? `kilotune${isGroup ? ` ${name}` : ""}: expected a command, but saw none.`
      : `kilotune: no command "${printable(seen, 60)}".`;
  return new KilotuneError("usage", message, `${hint} Help: kilotune --help`, { kind: "usage" });
}

/** What comes after "--" is text, whatever it looks like. */
function untilTerminator(words: readonly string[]): readonly string[] {
  const end = words.indexOf("--");
  return end < 0 ? words : words.slice(0, end);
}
