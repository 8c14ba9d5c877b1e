import type { MethodName } from "@kilotune/contract";
import { readPromptFile } from "@kilotune/prompt/node";
import type { PromptInit, TextJob } from "@kilotune/worker";
import type { Flags } from "./args/flags.ts";
import { usageError } from "./usage-error.ts";

/** How a prompt's numbers come about. */
export const PROMPT_FLAGS = {
  init: {
    kind: "text",
    value: "START",
    about:
      "What the prompt starts as: prompt:FILE, another one of the same backbone and method; kv, soft and deep of texts also vocabulary, labels, examples, text:WORDS; random else",
  },
  reparam: {
    kind: "text",
    value: "WAY",
    about:
      "Learns kv, soft and deep through low-rank:R factors or an mlp[:WIDTH], and folds them into the prompt",
  },
} as const satisfies Flags;

/** What the flag says. undefined: through nothing. */
export function readReparam(command: string, flag: string | undefined): TextJob["reparam"] {
  if (flag === undefined) return undefined;
  const [, kind, digits] = /^(mlp|low-rank)(?::(\d{1,4}))?$/.exec(flag) ?? [];
  const size = digits === undefined ? (kind === "mlp" ? MLP_WIDTH : 0) : Number(digits);
  if (kind === "mlp" && size >= 1 && size <= 1024) return { kind, width: size };
  if (kind === "low-rank" && size >= 1 && size <= 128) return { kind, rank: size };
  throw usageError(
    command,
    `--reparam: expected low-rank:R with R of 1 to 128, or mlp:WIDTH with one of 1 to 1024, saw ${JSON.stringify(flag)}`,
    "Leave it out: most prompts learn as well without.",
  );
}

const MLP_WIDTH = 128;

/** The method of the prompt that a job goes on from, where nobody names one. */
export function methodOfInit(init: PromptInit | undefined): MethodName | undefined {
  return init?.kind === "prompt" ? init.prompt.prompt.method : undefined;
}

/** What the flag says, a prompt's file read. undefined: at random. */
export async function readInit(command: string, flag: string | undefined): Promise<PromptInit | undefined> {
  switch (flag) {
    case undefined:
    case "random":
      return undefined;
    case "vocabulary":
    case "labels":
    case "examples":
      return { kind: flag };
  }
  const [, kind, rest] = /^(text|prompt):(.+)$/s.exec(flag) ?? [];
  if (kind === "prompt") return { kind, prompt: await readPromptFile(rest as string) };
  if (kind === "text" && (rest as string).length <= MOST_LETTERS) return { kind, text: rest as string };
  const seen = kind === "text" ? `a text of ${(rest as string).length} characters` : JSON.stringify(flag);
  throw usageError(
    command,
    `--init: expected random, vocabulary, labels, examples, text:WORDS of at most ${MOST_LETTERS} characters or prompt:FILE, saw ${seen}`,
    "Leave it out for random.",
  );
}

/** A prompt has at most 128 virtual tokens. */
const MOST_LETTERS = 2000;
