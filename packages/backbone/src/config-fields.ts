import { KilotuneError } from "@kilotune/contract";

/** Reading the fields of a checkpoint's `config.json`: what is absent, null or out of bounds. All throw `bad_config`, naming the field. */

export type Fields = Readonly<Record<string, unknown>>;

export function object(json: unknown, file: string): Fields {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw badConfig(file, "a JSON object", json);
  return json as Fields;
}

/** Hugging Face writes `null` where a field is left to its default. */
function read(fields: Fields, name: string, fallback: unknown): unknown {
  return Object.hasOwn(fields, name) ? (fields[name] ?? fallback) : fallback;
}

export function integer(
  fields: Fields,
  name: string,
  least: number,
  most: number,
  fallback?: number,
): number {
  const value = read(fields, name, fallback);
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
    throw badConfig(name, `a whole number from ${least} to ${most}`, value);
  }
  return value;
}

export function oneOf<const T>(fields: Fields, name: string, accepted: readonly T[], fallback?: T): T {
  const value = read(fields, name, fallback);
  const found = accepted.find((candidate) => candidate === value);
  if (found === undefined)
    throw badConfig(name, accepted.map((each) => JSON.stringify(each)).join(" or "), value);
  return found;
}

export function epsilon(fields: Fields, name: string, fallback: number): number {
  const value = read(fields, name, fallback);
  // Below float32's smallest normal number the epsilon is gone before it is added.
  if (typeof value !== "number" || !(value >= 1e-37 && value <= 0.1)) {
    throw badConfig(name, "a number from 1e-37 to 0.1", value);
  }
  return value;
}

export function badConfig(field: string, expected: string, seen: unknown): KilotuneError {
  const shown = seen === undefined ? "nothing" : (JSON.stringify(seen) ?? String(seen)).slice(0, 80);
  return new KilotuneError(
    "bad_config",
    `${field}: expected ${expected}, saw ${shown}.`,
    "Use a checkpoint folder of a family that is known here, as transformers or sentence-transformers saved it.",
  );
}
