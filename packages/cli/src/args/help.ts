import type { Command } from "../command.ts";
import { COMMON_FLAGS, type Flag, type Flags, type Positionals } from "./flags.ts";

/** The help page of a command, made from the table that parses it. */
export function commandHelp(name: string, command: Command<Flags, Positionals>): string {
  const { summary, details, positionals, flags, examples } = command;
  const words = Object.values(positionals).map(({ value, count }) =>
    count === "any" ? `[${value} ..]` : value,
  );
  const required = Object.entries(flags).flatMap(([flagName, flag]) =>
    flag.kind === "texts" && flag.required ? [`--${flagName} ${flag.value}`] : [],
  );
  const title = ["kilotune", name, ...required, ...words, "[flags]"].join(" ");
  return [
    `${title}\n\n${summary}${details ? `\n${details}` : ""}`,
    section(
      "Arguments",
      Object.values(positionals).map(({ value, about }) => [value, about]),
    ),
    section("Flags", [...Object.entries(flags), ...Object.entries(COMMON_FLAGS)].map(flagLine)),
    ["Examples", ...examples.map(({ line, purpose }) => `  ${line}\n      ${purpose}`)].join("\n"),
  ]
    .filter(Boolean)
    .join("\n\n");
}

/** The contents page: of all commands, or of those of a group such as "backbone". */
export function contentsHelp(
  title: string,
  commands: ReadonlyMap<string, { readonly summary: string }>,
): string {
  return [
    title,
    section(
      "Commands",
      [...commands].map(([name, { summary }]) => [name, summary]),
    ),
    "Every command knows --help and --json.",
    "Exit codes: 0 done, 1 the input is bad, 2 wrong usage, 3 the machine failed (network, disk, memory).",
  ].join("\n\n");
}

function flagLine([name, flag]: [string, Flag]): [string, string] {
  const isSwitch = flag.kind === "switch" || flag.kind === "texts" || flag.default === undefined;
  return [`--${name}${valueWord(flag)}`, isSwitch ? flag.about : `${flag.about} (default ${flag.default})`];
}

function valueWord(flag: Flag): string {
  switch (flag.kind) {
    case "switch":
      return "";
    case "choice":
      return ` ${flag.of.join("|")}`;
    case "integer":
      return ` ${flag.value}${flag.or === undefined ? "" : `|${flag.or}`}`;
    default:
      return ` ${flag.value}`;
  }
}

function section(title: string, rows: readonly (readonly [left: string, right: string])[]): string {
  if (rows.length === 0) return "";
  const width = Math.max(...rows.map(([left]) => left.length));
  return [title, ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd())].join("\n");
}
