import { KilotuneError } from "@kilotune/contract";

export function badTokenizer(expected: string, seen: string, cause?: unknown): KilotuneError {
  return new KilotuneError(
    "bad_tokenizer",
    `tokenizer.json: expected ${expected}, saw ${seen}.`,
    "Use the tokenizer.json that came with the checkpoint (transformers' save_pretrained writes it).",
    { cause },
  );
}
