import type { Size } from "./placement.ts";

/**
 * Pixels of a border along the edges of a picture, by their places in it row by row: what a prompt on a border has a number
 * for, in each channel (Bahng et al., arXiv:2203.17274). One half as wide as the picture's shorter side is all of it.
 */
export function borderPlaces({ width, height }: Size, border: number): Int32Array {
  const places: number[] = [];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const inside = y >= border && y < height - border && x >= border && x < width - border;
      if (!inside) places.push(y * width + x);
    }
  return Int32Array.from(places);
}

/** Adds a border's numbers [3, R] to a picture [3, height, width], in place. @param at of the picture's first number */
export function addBorder(
  tensor: Float32Array,
  at: number,
  border: Float32Array,
  places: Int32Array,
  { width, height }: Size,
): void {
  for (let channel = 0; channel < 3; channel++) {
    const [plane, from] = [at + channel * width * height, channel * places.length];
    for (let i = 0; i < places.length; i++) {
      const to = plane + (places[i] as number);
      tensor[to] = (tensor[to] as number) + (border[from + i] as number);
    }
  }
}
