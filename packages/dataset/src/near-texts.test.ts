import fc from "fast-check";
import { expect, it } from "vitest";
import { NearTexts, signatureOf } from "./near-texts.ts";
import { prng } from "./prng.ts";

function foundIn(earlier: readonly string[], text: string): number | null {
  const index = new NearTexts();
  earlier.forEach((each, at) => {
    const signature = signatureOf(each);
    if (signature !== null) index.add(signature, { line: at + 1, label: at });
  });
  const signature = signatureOf(text);
  return signature === null ? null : (index.find(signature)?.line ?? null);
}

const TEXTS = [
  "My card payment has been declined, do you know why?",
  "How long can I keep pizza in the freezer before it goes bad?",
  "注文した商品がまだ届いていません。配送状況を教えていただけますか。よろしくお願いします。",
];

it.each([
  ["a word moved", "Do you know why my card payment has been declined?", 1],
  ["a word added", "How long can I keep pizza in the freezer for before it goes bad??", 2],
  ["case, marks and blanks", "my CARD payment has been declined - do you know why", 1],
  ["no spaces between words", `${TEXTS[2]}はい`, 3],
  ["another question", "How long does it take until a new card is here?", null],
  ["a short text", "Do you know why?", null],
])("%s", (_, text, line) => {
  expect(foundIn(TEXTS, text)).toBe(line);
});

it("finds of every text a copy with one letter more, through every growth of the table", () => {
  const random = prng(7, "near");
  const word = () =>
    Array.from({ length: 3 + random.integer(6) }, () => String.fromCharCode(97 + random.integer(26))).join(
      "",
    );
  const texts = Array.from({ length: 3000 }, () => Array.from({ length: 12 }, word).join(" "));
  const index = new NearTexts();
  texts.forEach((text, at) => {
    expect(index.find(signatureOf(text)!)).toBeNull();
    index.add(signatureOf(text)!, { line: at + 1, label: at % 5 });
  });
  const missed = texts.filter((text, at) => {
    const found = index.find(signatureOf(`${text}s`)!);
    if (found !== null) expect(found).toEqual({ line: at + 1, label: at % 5 });
    return found === null;
  });
  expect(missed).toEqual([]);
});

it("takes any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      const signature = signatureOf(text);
      if (signature === null) return;
      const index = new NearTexts();
      index.add(signature, { line: 4, label: 2 });
      expect(index.find(signature)).toEqual({ line: 4, label: 2 });
    }),
  );
});
