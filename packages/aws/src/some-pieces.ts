/** Asks about each piece, some at once, each an instance of its own; the answers come in the order of the pieces. */
export async function somePieces<Piece, Answer>(
  pieces: readonly Piece[],
  ask: (piece: Piece) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  const left = pieces.entries();
  const work = async () => {
    for (const [at, piece] of left) answers[at] = await ask(piece);
  };
  await Promise.all(Array.from({ length: Math.min(PIECES_AT_ONCE, pieces.length) }, work));
  return answers;
}

const PIECES_AT_ONCE = 8;
