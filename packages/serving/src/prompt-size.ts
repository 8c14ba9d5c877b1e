/** What a prompt in memory takes, for the cache's budget. */
export function sizeOfPrompt(labels: readonly string[], arrays: readonly Sized[]): number {
  const ofLabels = labels.reduce((sum, label) => sum + 2 * label.length + 32, 0);
  return OBJECTS_BYTES + ofLabels + arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

interface Sized {
  readonly byteLength: number;
}

/** A generous guess at the objects around the arrays: some twenty of them, and the entry in the cache. */
const OBJECTS_BYTES = 2048;
