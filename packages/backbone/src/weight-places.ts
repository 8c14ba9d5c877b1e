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
    if (entry === undefined || entry.dtype !== "float32")
      throw new Error(`${location} holds no float32 weight ${name}`);
    const { offset, length } = entry;
    const value = builder.weight(name, "float32", entry.dims, { location, offset, length });
    values.set(name, value);
    return value;
  };
}
