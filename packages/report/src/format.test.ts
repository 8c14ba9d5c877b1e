import { expect, test } from "vitest";
import {
  bytes,
  count,
  counted,
  dateTime,
  duration,
  fixed,
  percent,
  percentRange,
  points,
  pValue,
} from "./format.ts";

const plain = (text: string) => text.replaceAll("\u00A0", " ");

test.each([
  [percent(0.9312), "93.1 %"],
  [percent(Number.NaN), "–"],
  [percentRange([0.91, 0.948]), "91.0–94.8 %"],
  [percentRange([Number.NaN, 1]), "–"],
  [points(-0.0271), "2.7 points"],
  [points(Infinity), "–"],
  [count(1_234_567), "1,234,567"],
  [counted(1, "row"), "1 row"],
  [counted(0, "row"), "0 rows"],
  [bytes(41), "41 B"],
  [bytes(58_392), "58.4 KB"],
  [bytes(999_960), "1.0 MB"],
  [bytes(Number.NaN), "–"],
  [duration(0.00042), "0.4 ms"],
  [duration(0), "0 ms"],
  [duration(0.042), "42 ms"],
  [duration(0.9996), "1.0 s"],
  [duration(59.96), "1 min 0 s"],
  [duration(84.2), "1 min 24 s"],
  [duration(7500), "2 h 5 min"],
  [duration(3599.7), "1 h 0 min"],
  [duration(-1), "–"],
  [fixed(1.2345, 2), "1.23"],
  [pValue(0.0004), "p < 0.001"],
  [pValue(0.0124), "p = 0.012"],
  [dateTime("2026-11-25T10:41:07Z"), "25 November 2026 at 10:41 UTC"],
  [dateTime("yesterday"), "yesterday"],
])("%s reads %s", (seen, expected) => {
  expect(plain(seen)).toBe(expected);
});
