import type { Picture } from "@kilotune/contract";
import { thumbnailOf } from "@kilotune/image/node";
import type { ImageSource } from "@kilotune/tuner";

/** An image made small for the report, and what its places are multiplied by. */
export async function pictureOf(
  { codec, file }: ImageSource,
  row: number,
  maxSide: number,
): Promise<{ readonly picture: Picture; readonly scale: number }> {
  const { scale, ...picture } = await thumbnailOf(codec, await file(row), maxSide);
  return { picture, scale };
}
