/** Pixels of an upright image in rows from the top, channels side by side: [height, width, channels] flat. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** 1: grey. 3: red, green, blue. */
  readonly channels: 1 | 3;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** Red, green and blue, 0 .. 255 each. */
export type Colour = readonly [red: number, green: number, blue: number];
