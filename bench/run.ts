import { parseArgs } from "node:util";
import { type Bench, describeMachine, type Flags, say, Unavailable } from "./support/bench.ts";

/** Files of this folder, quick ones first. */
const NAMES: readonly string[] = [
  "gradients",
  "parity",
  "vision-parity",
  "step",
  "vision-step",
  "vpt",
  "fewshot",
  "full",
  "fullset",
  "fewshot-clinc",
  "intents-by-language",
  "tagging",
  "retrieval",
  "oos",
  "time-to-accuracy",
  "membrane",
  "tiles",
  "cells",
  "new-device",
  "sweep",
  "starts",
  "size",
  "lint",
  "isolation",
  "vision-isolation",
  "int8",
  "peft",
  "switch",
  "swap",
  "decode",
  "cold",
  "memory",
  "overhead",
  "traces",
  "keys",
  "fuzz",
  "workflow",
  "simulate",
  "mixups",
  "busy",
  "serve",
  "kill",
  "package",
  "lambda-cold",
  "lambda-warm",
  "soak",
];

/**
 * `npm run -s bench -- NAME [--flags]`. Words and progress go to stderr; the last line of stdout is one JSON object.
 * Exit codes: 0 the goal was reached, 1 it was missed, 2 wrong usage, 3 the machine lacks something.
 */
process.exitCode = await main(process.argv.slice(2));

async function main([name, ...rest]: string[]): Promise<number> {
  if (name === undefined || name === "--help" || name === "-h") {
    await list();
    return name === undefined ? 2 : 0;
  }
  if (!NAMES.includes(name)) {
    say(`no bench is called ${name}; there are: ${NAMES.join(", ")}`);
    return 2;
  }
  const bench = await load(name);
  let flags: Flags;
  try {
    flags = parseFlags(bench.flags, rest);
  } catch (error) {
    say(`${(error as Error).message}\nflags of ${name}: ${flagsInWords(bench.flags)}`);
    return 2;
  }
  say(`${name}: ${bench.about}`);
  try {
    const { figures, reached } = await bench.run(flags);
    print({ bench: name, ...figures, goal: bench.goal, reached, machine: describeMachine() });
    return reached ? 0 : 1;
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    say(`skipped: ${error.message}`);
    print({
      bench: name,
      skipped: error.message,
      goal: bench.goal,
      reached: false,
      machine: describeMachine(),
    });
    return 3;
  }
}

async function load(name: string): Promise<Bench> {
  return (await import(`./${name}.ts`)).bench;
}

async function list(): Promise<void> {
  say("npm run -s bench -- NAME [--flags]\n");
  for (const name of NAMES) {
    const { about, goal, flags } = await load(name);
    say(
      `  ${name.padEnd(18)}${about}\n${" ".repeat(20)}goal: ${goal}\n${" ".repeat(20)}${flagsInWords(flags)}`,
    );
  }
}

function flagsInWords(flags: Flags): string {
  return Object.entries(flags)
    .map(([flag, value]) => (typeof value === "boolean" ? `[--${flag}]` : `[--${flag} ${value}]`))
    .join(" ");
}

function parseFlags(defaults: Flags, given: string[]): Flags {
  const options = Object.fromEntries(
    Object.entries(defaults).map(([name, value]): [string, { type: "boolean" | "string" }] => [
      name,
      { type: typeof value === "boolean" ? "boolean" : "string" },
    ]),
  );
  const { values } = parseArgs({ args: given, options });
  const parsed = Object.entries(values).map(([name, value]): [string, number | boolean] => {
    if (typeof value === "boolean") return [name, value];
    const number = Number(value);
    if (value === "" || !Number.isFinite(number))
      throw new Error(`--${name}: expected a number, saw ${value}`);
    return [name, number];
  });
  return { ...defaults, ...Object.fromEntries(parsed) };
}

function print(result: object): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
