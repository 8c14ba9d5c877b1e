import { describe, expect, it } from "vitest";
import { bar } from "./bar.ts";
import { oneLine, printable } from "./printable.ts";
import { table } from "./table.ts";
import { bytes, duration, percent } from "./units.ts";

describe("words for people", () => {
  it("give numbers their units", () => {
    expect([bytes(999), bytes(49_472), bytes(90_868_376), bytes(2e9)]).toEqual([
      "999 B",
      "49.5 KB",
      "90.9 MB",
      "2.0 GB",
    ]);
    expect([duration(-1), duration(9.4), duration(84)]).toEqual(["0 s", "9 s", "1 min 24 s"]);
    expect(percent(0.9312)).toBe("93.1 %");
  });

  it("draw bars of one length", () => {
    expect([bar(-1, 4), bar(0.5, 4), bar(2, 4)]).toEqual(["░░░░", "██░░", "████"]);
  });

  it("align columns", () => {
    expect(
      table(
        [
          ["a", "10"],
          ["long", "9"],
        ],
        ["left", "right"],
      ),
    ).toEqual(["a     10", "long   9"]);
  });

  it("can't steer the terminal, nor be cut through a character", () => {
    expect(printable("a\u001b[31m\u202eb\nc", 99)).toBe("a\\u001b[31m\\u202eb\nc");
    expect(oneLine(" a\n\tb ", 99)).toBe("a b");
    expect(printable("ab😀", 4)).toBe("ab😀");
    expect(printable("ab😀c", 4)).toBe("ab…");
  });
});
