/**
 * What two texts must share to count as the same: Unicode form, blanks and case aside. Upper-casing first folds what
 * lower-casing alone leaves apart ("ß" and "SS", the two forms of sigma).
 */
export function textKey(text: string): string {
  const folded = /[^\x20-\x7e]/.test(text)
    ? text.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC")
    : text.toLowerCase();
  return folded.trim().replace(/\s+/g, " ");
}
