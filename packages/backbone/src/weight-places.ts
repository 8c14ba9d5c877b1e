import { KilotuneError } from "@kilotune/contract";
import { GraphBuilder, type SafetensorsHeader, type Value } from "@kilotune/engine";

/** Brings a weight into a graph by its name, once a graph. */
export type WeightPlaces = (builder: GraphBuilder, name: string) => Value;

/** Weights by their place in a safetensors file: the file that all graphs of a bundle share. */
export function placesIn(header: SafetensorsHeader, location: string): WeightPlaces {
  const known = new WeakMap<GraphBuilder, Map<string, Value>>();
  return (builder, name) => {
    const values = known.get(builder) ?? new Map<string, Value>();
    known.set(builder, values);
    const standing = values.get(name);
    if (standing !== undefined) return standing;
    const entry = header.entries.get(name);
    if (entry === undefined || !isWeight(entry.dtype))
      throw new Error(`${location} holds no float32 or int8 weight ${name}`);
    const { dtype, dims, offset, length } = entry;
    const value = builder.weight(name, dtype, dims, { location, offset, length });
    values.set(name, value);
    return value;
  };
}

/**
 * The same weights as inputs `weight.NAME` of a graph, so that they get gradients. Of the table of words any rows may be fed, V of
 * them, with ids that count these: words that no text has needn't be there.
 * @throws KilotuneError `not_tunable` where a weight is kept in 8 bits
 */
export function asInputs(places: WeightPlaces): WeightPlaces {
  const shapes = new GraphBuilder("shapes");
  const known = new WeakMap<GraphBuilder, Map<string, Value>>();
  return (builder, name) => {
    const values = known.get(builder) ?? new Map<string, Value>();
    known.set(builder, values);
    const standing = values.get(name);
    if (standing !== undefined) return standing;
    const { dtype, shape } = places(shapes, name);
    if (dtype !== "float32")
      throw new KilotuneError(
        "not_tunable",
        `expected a backbone in float32, saw ${name} in ${dtype}`,
        "Learn all weights of the fp32 backbone.",
      );
    const rows = name === WORDS ? ["V", ...shape.slice(1)] : shape;
    const value = builder.input(`weight.${name}`, dtype, rows);
    values.set(name, value);
    return value;
  };
}

/** The table of words, by far the largest weight of small encoders. */
const WORDS = "embeddings.word";

/** int8: codes of a quantised weight, whose scales stand beside it as `NAME.scale`. */
function isWeight(dtype: string): dtype is "float32" | "int8" {
  return dtype === "float32" || dtype === "int8";
}
