/** |ours - theirs| / |theirs|, both norms over the whole tensor. */
export function relativeError(ours: ArrayLike<number>, theirs: ArrayLike<number>): number {
  if (ours.length !== theirs.length) throw new Error(`${ours.length} numbers against ${theirs.length}`);
  let error = 0;
  let norm = 0;
  for (let i = 0; i < ours.length; i++) {
    error += ((ours[i] as number) - (theirs[i] as number)) ** 2;
    norm += (theirs[i] as number) ** 2;
  }
  return Math.sqrt(error / norm);
}
