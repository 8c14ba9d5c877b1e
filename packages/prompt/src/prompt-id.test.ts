import { expect, test } from "vitest";
import { isPromptId } from "./prompt-id.ts";

test("an id is sha256- and 64 lower-case hex digits", () => {
  expect(isPromptId(`sha256-${"0123456789abcdef".repeat(4)}`)).toBe(true);
});

const HEX = "a".repeat(64);

test.each([
  "",
  "../x",
  "/etc",
  "a/../../b",
  "%2e%2e/",
  "..\\",
  "\u0000",
  "\u2024\u2024/x",
  "a".repeat(300),
  HEX,
  `sha256:${HEX}`,
  `sha256-${HEX}a`,
  `sha256-${"A".repeat(64)}`,
  `sha256-${HEX}\n`,
  `sha256-${HEX}/..`,
  `sha256-${"\uff41".repeat(64)}`,
])("adapter name leaves the cache folder: %j is no id (vllm#46287)", (text) => {
  expect(isPromptId(text)).toBe(false);
});
