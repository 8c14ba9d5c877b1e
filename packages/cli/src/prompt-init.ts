import { readPromptFile } from "@kilotune/prompt/node";
import type { PromptInit } from "@kilotune/worker";
import type { Flags } from "./args/flags.ts";
import { usageError } from "./usage-error.ts";

export const INIT_FLAG = {
  init: {
    kind: "text",
    value: "START",
    about:
      "What the prompt starts as: random, vocabulary, labels, examples, text:WORDS or prompt:FILE, of kv and soft; random else",
  },
} as const satisfies Flags;

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
