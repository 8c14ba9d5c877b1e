import { KilotuneError } from "@kilotune/contract";

/** The one shape of error here: something about the bytes of an image that came from outside. */
export function imageError(code: string, message: string, hint: string, cause?: unknown): KilotuneError {
  return new KilotuneError(code, message, hint, { kind: "input", ...(cause === undefined ? {} : { cause }) });
}

/** What every decoder says of bytes that it can't go through to the end. */
export function unreadable(format: string, cause: unknown): KilotuneError {
  const said = cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause);
  return imageError(
    "image_unreadable",
    `expected a whole ${format} image, but its decoder says: ${said.slice(0, 200)}.`,
    "The file is damaged or was cut: export it again.",
    cause,
  );
}
