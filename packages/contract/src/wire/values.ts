import { z } from "zod";

/** Seconds since 1970, as all times on the wire. */
export const UnixSeconds = z.int().meta({ description: "Unix time in seconds", examples: [1764028800] });

/** An id in an answer. What a caller gives as an id isn't checked for form: whatever we don't know is a 404. */
export const Id = z.string();

/** A line for people: no control characters, which could forge a log line or a header, and no half surrogates. */
export function line(maxLength: number) {
  return z
    .string()
    .min(1)
    .max(maxLength)
    .refine((text) => text.isWellFormed() && !CONTROL.test(text), "must be one line of valid Unicode");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is them that are refused
const CONTROL = /[\u0000-\u001f\u007f\u0085\u2028\u2029]/;

/** Ids that a caller names inside a body; longer than any of ours, short enough to be looked up. */
export const GivenId = line(256);

/** A backbone, a tuned model, a checkpoint of one, or an alias. */
export const ModelName = line(256).meta({
  description: "A backbone, a tuned model (`ft:..`) or an alias",
  examples: ["minilm-l6"],
});

/** As OpenAI's: 16 pairs, keys of 64 and values of 512 characters. */
export const Metadata = z
  .record(line(64), z.string().max(512))
  .refine((pairs) => Object.keys(pairs).length <= 16, "must have at most 16 pairs")
  .meta({ description: "Up to 16 pairs of your own; keys up to 64 characters, values up to 512" });

/** A part of a tuned model's name. */
export const Suffix = line(64).regex(/^[A-Za-z0-9._-]*$/, "may have letters, digits, `.`, `_` and `-`");

export const Count = z.int().min(0);
