import type { Prompt } from "@kilotune/prompt";

/** Where two prompts differ: places in their manifests, but for what a receipt tells of machines, and their numbers. */
export function samePlaces(a: Prompt, b: Prompt) {
  const places = differingPlaces(a.manifest, b.manifest, "").filter((place) => !TOLD.test(place));
  const [ours, theirs] = [numbersOf(a), numbersOf(b)];
  let [differing, of, largest] = [0, 0, 0];
  for (const [name, values] of ours) {
    const others = theirs.get(name);
    // Of another shape altogether: the manifests tell.
    if (others?.length !== values.length) continue;
    of += values.length;
    values.forEach((value, at) => {
      const difference = Math.abs(value - (others[at] as number));
      if (difference > 0) differing++;
      largest = Math.max(largest, difference);
    });
  }
  return { places, differing, of, largest };
}

/** Shown part by part. */
const TOLD = /^receipt\.(dataSha256|codeVersion|trainRows|validationRows|engine)/;

function differingPlaces(a: unknown, b: unknown, place: string): string[] {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null)
    return Object.is(a, b) ? [] : [place];
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].flatMap((name) =>
    differingPlaces(
      (a as Record<string, unknown>)[name],
      (b as Record<string, unknown>)[name],
      place === "" ? name : `${place}.${name}`,
    ),
  );
}

/** Every array of numbers in a prompt, by its place. */
function numbersOf(value: unknown, place = "", found = new Map<string, Float32Array>()) {
  if (value instanceof Float32Array) found.set(place, value);
  else if (typeof value === "object" && value !== null)
    for (const [name, inner] of Object.entries(value))
      if (name !== "manifest") numbersOf(inner, `${place}/${name}`, found);
  return found;
}
