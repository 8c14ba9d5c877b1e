import type { GraphBuilder, SafetensorsHeader, Value } from "@kilotune/engine";

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

/** int8: codes of a quantised weight, whose scales stand beside it as `NAME.scale`. */
function isWeight(dtype: string): dtype is "float32" | "int8" {
  return dtype === "float32" || dtype === "int8";
}
