/**
 * Of classes, wherever they are drawn: Okabe and Ito's eight, which colour-blind people can tell apart. In turn where there
 * are more: names stand beside them.
 */
export const CLASS_COLOURS: readonly string[] = [
  "#e69f00",
  "#56b4e9",
  "#009e73",
  "#f0e442",
  "#0072b2",
  "#d55e00",
  "#cc79a7",
  "#999999",
];

/** @param label number of a class, from 0 */
export function classColour(label: number): string {
  return CLASS_COLOURS[Math.abs(Math.trunc(label)) % CLASS_COLOURS.length] ?? "#999999";
}
