import { KilotuneError } from "@kilotune/contract";
import { printable, quote } from "../quote.ts";

/** The ways in which another system's file is refused. */
export type ExchangeErrorCode =
  /** Sound, but a kind of prompt that a prompt file of ours doesn't hold, or one for another kind of model. */
  | "unsupported_prompt_kind"
  /** Not what that system writes: keys missing, extra, misspelt or misshapen, a setting out of range. */
  | "bad_foreign_prompt"
  /** No head tensors, or no pooler that the head would read. */
  | "no_head"
  /** A pickle that asks for more than tensors. */
  | "unsafe_pickle"
  | "bad_torch_file"
  | "bad_npy"
  /** A prompt of ours that the other system's format can't say. */
  | "not_expressible";

export function refuse(
  code: ExchangeErrorCode,
  expected: string,
  seen: string,
  hint: string,
  cause?: unknown,
): KilotuneError {
  return new KilotuneError(
    code,
    `expected ${expected}, but saw ${seen}`,
    hint,
    cause === undefined ? {} : { cause },
  );
}

/** Names from a file, fit for a message. */
export function list(names: readonly string[]): string {
  if (names.length === 0) return "none";
  const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : "";
  return names.slice(0, MAX_LISTED).map(quote).join(", ") + more;
}

const MAX_LISTED = 6;

export function shape(dims: readonly number[]): string {
  return `[${dims.join(", ")}]`;
}

export { printable, quote };
