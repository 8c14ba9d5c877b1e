import { KilotuneError } from "@kilotune/contract";

/** The words are the mapper's, the same for every id and address. */
export function notFound(): KilotuneError {
  return new KilotuneError("not_found", "There is no such thing.", "");
}
