/**
 * WordPiece: each word becomes the fewest greedily longest pieces of the vocabulary, or the unknown token where they
 * don't cover it. No piece longer than the vocabulary's longest is tried, so that a word costs time in proportion to
 * its length. Options are those of tokenizer.json's model.
 */
export function wordPiece(
  vocabulary: ReadonlyMap<string, number>,
  options: Readonly<Record<string, unknown>>,
): (words: readonly string[]) => string[] {
  const unknown = String(options.unk_token);
  const prefix = String(options.continuing_subword_prefix ?? "##");
  const maxCharacters = Number(options.max_input_chars_per_word ?? 100);
  let longest = 1;
  for (const piece of vocabulary.keys()) longest = Math.max(longest, piece.length);

  function pieces(word: string): string[] | undefined {
    const found: string[] = [];
    for (let start = 0; start < word.length; ) {
      const lead = start > 0 ? prefix : "";
      let end = Math.min(word.length, start + longest);
      while (end > start && !vocabulary.has(lead + word.slice(start, end))) end--;
      if (end === start) return undefined;
      found.push(lead + word.slice(start, end));
      start = end;
    }
    return found;
  }

  return (words) =>
    words.flatMap((word) => {
      if (vocabulary.has(word) && word.length <= maxCharacters) return word;
      return (isLonger(word, maxCharacters) ? undefined : pieces(word)) ?? unknown;
    });
}

/** Whether a word has more code points than `most`; a code point is one or two UTF-16 units. */
function isLonger(word: string, most: number): boolean {
  return word.length > most && (word.length > 2 * most || [...word].length > most);
}
