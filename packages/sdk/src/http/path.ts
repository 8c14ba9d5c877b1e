import { KilotuneError } from "@kilotune/contract";

/**
 * A path with ids in it, each encoded. An id of dots or none would be another address once the URL is parsed
 * (`files.delete("..")` would go to /v1/), so it never leaves.
 *
 * @throws KilotuneError `not_found`
 */
export function path(words: TemplateStringsArray, ...ids: readonly string[]): string {
  return String.raw({ raw: words }, ...ids.map(encoded));
}

function encoded(id: string): string {
  if (/^\.{0,2}$/.test(id) || !id.isWellFormed()) {
    throw new KilotuneError(
      "not_found",
      `Expected an id, saw ${JSON.stringify(id)}.`,
      "Give an id as it was answered.",
    );
  }
  return encodeURIComponent(id);
}
