import type { Flags, Parsed, Positionals } from "./args/flags.ts";
import type { ExitCode } from "./exit.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** One command: what it takes, as a table (see args/flags.ts), and what it does. */
export interface Command<F extends Flags, P extends Positionals> {
  /** One line for the contents page. */
  readonly summary: string;
  /** Further lines for its own page. */
  readonly details?: string;
  readonly positionals: P;
  readonly flags: F;
  /** True command lines: what they need ships in examples/ or was made by an earlier one. */
  readonly examples: readonly { readonly line: string; readonly purpose: string }[];
  /** Throws what went wrong; a code is only returned where a result was given all the same (1: lint found errors). */
  run(args: Parsed<F, P>, terminal: Terminal): Promise<ExitCode | undefined>;
}

/** Infers the types of a command's arguments from its tables. */
export function defineCommand<const F extends Flags, const P extends Positionals>(
  command: Command<F, P>,
): AnyCommand {
  // Its own table parses its arguments, so `run` is only ever given what it asks for.
  return command as unknown as AnyCommand;
}

export type AnyCommand = Command<Flags, Positionals>;
