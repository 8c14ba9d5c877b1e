/**
 * What a command takes, as data: one table makes its parser, its help page and the type of what it is given.
 * `value` is the word that stands for the value on the help page ("FILE", "N").
 */
export type Flag =
  | { readonly kind: "switch"; readonly about: string }
  | { readonly kind: "text"; readonly value: string; readonly about: string; readonly default?: string }
  /** May be given several times, at least once where it is `required`. */
  | { readonly kind: "texts"; readonly value: string; readonly about: string; readonly required?: true }
  | {
      readonly kind: "choice";
      readonly of: readonly string[];
      readonly about: string;
      readonly default?: string;
    }
  /** A whole number from `min` to `max`, or the word `or`. */
  | {
      readonly kind: "integer";
      readonly value: string;
      readonly min: number;
      readonly max: number;
      readonly or?: string;
      readonly about: string;
      readonly default?: number | string;
    };

export type Flags = Readonly<Record<string, Flag>>;

/** A word without a flag, in the order of the table; `any` takes all that are left and comes last. */
export interface Positional {
  readonly value: string;
  readonly count: "one" | "any";
  readonly about: string;
}

export type Positionals = Readonly<Record<string, Positional>>;

/** Flags of every command. */
export const COMMON_FLAGS = {
  json: { kind: "switch", about: "Only JSON lines on stdout, the last one the result" },
  debug: { kind: "switch", about: "Show stack traces" },
  help: { kind: "switch", about: "Show this page" },
} as const satisfies Flags;

/** What a command is given: a property for each flag (in camel case) and each positional. */
export type Parsed<F extends Flags, P extends Positionals> = {
  readonly [Name in keyof F as CamelCase<Name & string>]: ValueOf<F[Name]>;
} & {
  readonly [Name in keyof P]: P[Name]["count"] extends "one" ? string : readonly string[];
};

type ValueOf<F extends Flag> = F extends { kind: "switch" }
  ? boolean
  : F extends { kind: "texts" }
    ? readonly string[]
    : Scalar<F> | (F extends { default: unknown } ? never : undefined);

type Scalar<F extends Flag> = F extends { kind: "choice"; of: readonly (infer Choice)[] }
  ? Choice
  : F extends { kind: "integer"; or: infer Word }
    ? number | Word
    : F extends { kind: "integer" }
      ? number
      : string;

type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;
