import type { LinearSession } from "../head/linear-session.ts";
import { argmaxRows } from "../measure/argmax.ts";

/**
 * What needs no row at all: the class whose name's vector is nearest to that of the query, by cosine.
 * @param names unit vectors of the classes' names, [classes, H] flat
 * @param queries unit vectors [queries, H] flat
 */
export async function zeroShot(
  session: LinearSession,
  names: Float32Array,
  queries: Float32Array,
): Promise<Int32Array> {
  const classes = names.length / session.hiddenSize;
  return argmaxRows(await session.logits(queries, names, new Float32Array(classes)), classes);
}

/** A label in words: "card_arrival" is "card arrival", "cardArrival" is "card Arrival". Empty where it has no letter or digit. */
export function readableName(label: string): string {
  return label
    .replaceAll(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .replaceAll(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}
