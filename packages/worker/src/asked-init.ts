import type { Receipt, StoredPrompt } from "@kilotune/prompt";
import { badInit } from "@kilotune/tuner";
import type { PromptInit } from "./job.ts";

/** What a prompt started as, between jobs and receipts. */

type AskedInit = NonNullable<NonNullable<Receipt["asked"]>["init"]>;

/** As receipts tell it: of another prompt its file's hash. */
export function askedInit(init: PromptInit): AskedInit {
  switch (init.kind) {
    case "text":
      return { text: init.text };
    case "prompt":
      return { prompt: init.prompt.id.replace(/^sha256-/, "") };
    default:
      return init.kind;
  }
}

/**
 * Back from a receipt. @param given the prompt that the user names for it
 * @throws KilotuneError `bad_init` where it is another one, or none
 */
export function initOfReceipt(asked: AskedInit, given: StoredPrompt | undefined): PromptInit {
  if (typeof asked === "string") return { kind: asked };
  if ("text" in asked) return { kind: "text", text: asked.text };
  if (given?.id === `sha256-${asked.prompt}`) return { kind: "prompt", prompt: given };
  throw badInit(
    `the prompt of SHA-256 ${asked.prompt}`,
    given === undefined ? "none" : given.id.replace("sha256-", ""),
    "It was tuned from that prompt: give its file (--init).",
  );
}
