import type { Picture } from "@kilotune/contract";

/** Of all pictures of a page, in characters: 6 million are a file that a mail still takes. */
const MOST = 6_000_000;

/** Of one. */
const MOST_EACH = 400_000;

const SOURCE = /^data:image\/(?:webp|jpeg|png);base64,[A-Za-z0-9+/]+={0,2}$/;

/**
 * Those of a list that a page may show: whole `data:` URLs of an image, each and together of bounded size. Anything else
 * would be a request, or another kind of file.
 */
export function shownPictures<T extends { readonly picture?: Picture }>(
  items: readonly T[],
): readonly (T & { readonly picture: Picture })[] {
  let left = MOST;
  return items.filter((item): item is T & { readonly picture: Picture } => {
    const { picture } = item;
    if (picture === undefined || picture.source.length > Math.min(left, MOST_EACH)) return false;
    if (!SOURCE.test(picture.source) || !isSide(picture.width) || !isSide(picture.height)) return false;
    left -= picture.source.length;
    return true;
  });
}

function isSide(side: number): boolean {
  return Number.isInteger(side) && side > 0 && side <= 4096;
}
