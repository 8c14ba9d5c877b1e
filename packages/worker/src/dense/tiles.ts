import {
  type Box,
  cropPixels,
  decodeImage,
  type Pixels,
  type Preprocessing,
  sizeOfImage,
  type Size,
  tilesOf,
} from "@kilotune/image";
import type { LabelMap } from "@kilotune/image/masks";
import type { ImageSource, LabelledBox } from "@kilotune/tuner";

export type Region = ReturnType<typeof tilesOf>[number];

/** What of which image a row of a store is. */
export interface Tile {
  readonly image: number;
  readonly region: Region;
}

/** A file's images in tiles, each a row of its own; the tiles of an image stand in a row. */
export interface TiledImages {
  readonly tiles: readonly Tile[];
  readonly source: ImageSource;
}

export async function cutIntoTiles(source: ImageSource, preprocessing: Preprocessing): Promise<TiledImages> {
  const { codec, images } = source;
  const { background } = preprocessing;
  const decoded = lastKept<Pixels>(async (image) =>
    decodeImage(codec, await source.file(image), { background }),
  );
  const tiles: Tile[] = [];
  for (let image = 0; image < images; image++)
    for (const region of tilesOf(await sizeOfImage(codec, await source.file(image)), preprocessing))
      tiles.push({ image, region });
  return {
    tiles,
    source: {
      codec,
      images: tiles.length,
      file: (row) => source.file((tiles[row] as Tile).image),
      async pixels(row) {
        const { image, region } = tiles[row] as Tile;
        return cropPixels(await decoded(image), region);
      },
    },
  };
}

/** The tiles of an image are mostly asked for one after the other: it is opened once for all of them. */
export function lastKept<T>(open: (image: number) => Promise<T>): (image: number) => Promise<T> {
  let last: { readonly image: number; readonly opened: Promise<T> } | undefined;
  return (image) => {
    if (last?.image !== image) last = { image, opened: open(image) };
    return last.opened;
  };
}

/** Of the image that a tile is of: its tiles reach to its edges. */
export function sizeOfTiled(tiles: readonly Tile[], image: number): Size {
  const own = tiles.filter((tile) => tile.image === image);
  return {
    width: Math.max(...own.map(({ region }) => region.left + region.width)),
    height: Math.max(...own.map(({ region }) => region.top + region.height)),
  };
}

export function mapInTile(
  { width, data }: LabelMap,
  { left, top, width: wide, height: high }: Region,
): LabelMap {
  const part = new Uint8Array(wide * high);
  for (let y = 0; y < high; y++) {
    const from = (top + y) * width + left;
    part.set(data.subarray(from, from + wide), y * wide);
  }
  return { width: wide, height: high, data: part };
}

/** Objects in a tile's own pixels. One of which less than a third is seen is left out: its stub would teach that edges are objects. */
export function boxesInTile(
  objects: readonly LabelledBox[],
  { left, top, width, height }: Region,
): LabelledBox[] {
  return objects.flatMap(({ label, box: [xmin, ymin, xmax, ymax] }) => {
    const seen: Box = [
      Math.max(0, xmin - left),
      Math.max(0, ymin - top),
      Math.min(width, xmax - left),
      Math.min(height, ymax - top),
    ];
    const area = (box: Box) => Math.max(0, box[2] - box[0]) * Math.max(0, box[3] - box[1]);
    if (seen[2] <= seen[0] || seen[3] <= seen[1]) return [];
    return area(seen) * 3 < area([xmin, ymin, xmax, ymax]) ? [] : [{ label, box: seen }];
  });
}
