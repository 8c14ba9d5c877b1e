import { describe, expect, test } from "vitest";
import { style } from "./style.ts";

// WCAG 2.2, success criterion 1.4.3: 4.5 to 1 for text.
describe.each(palettes(String(style)))("the %s palette can be read", (_, color) => {
  test.each([
    ["ink", "page"],
    ["ink", "panel"],
    ["soft", "page"],
    ["soft", "panel"],
    ["blue", "page"],
    ["green", "page"],
    ["orange", "page"],
    ["hot-ink", "blue"],
    ["hot-ink", "orange"],
  ])("%s on %s", (text, ground) => {
    expect(contrast(color(text), color(ground))).toBeGreaterThanOrEqual(4.5);
  });

  test("ink on the deepest tints of the heat map", () => {
    for (const hue of ["blue", "orange"])
      expect(contrast(color("ink"), mix(color(hue), color("page"), 0.52))).toBeGreaterThanOrEqual(4.5);
  });
});

type Rgb = readonly number[];

function palettes(css: string): [string, (name: string) => Rgb][] {
  const blocks = [...css.matchAll(/:root \{([^}]*)\}/g)].map(([, block]) => block!);
  expect(blocks).toHaveLength(2);
  return (["light", "dark"] as const).map((name, i) => [
    name,
    (variable) => {
      const hex = new RegExp(`--${variable}: #([0-9a-f]{6})`).exec(blocks[i]!)![1]!;
      return [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
    },
  ]);
}

function contrast(a: Rgb, b: Rgb): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(color: Rgb): number {
  const [r, g, b] = color.map((c) => (c <= 10 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4)) as [
    number,
    number,
    number,
  ];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function mix(top: Rgb, ground: Rgb, share: number): Rgb {
  return top.map((c, i) => c * share + ground[i]! * (1 - share));
}
