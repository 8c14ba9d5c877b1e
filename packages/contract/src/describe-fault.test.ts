import { expect, it } from "vitest";
import { describeFault } from "./describe-fault.ts";
import { KilotuneError } from "./error.ts";

it("tells our own words, and of all others no more than what and where", () => {
  const parse = () => JSON.parse("hush");
  let foreign: unknown;
  try {
    parse();
  } catch (error) {
    foreign = error;
  }
  const inner = new KilotuneError("bad_prompt", "saw the label hush", "");
  const ours = (cause: unknown) =>
    new KilotuneError("prompt_damaged", "expected a prompt", "Tune again.", { cause });
  expect(describeFault(ours(inner))).toEqual({
    code: "prompt_damaged",
    message: "expected a prompt",
    hint: "Tune again.",
    cause: { code: "bad_prompt" },
  });
  expect(describeFault(foreign)).toMatchObject({
    name: "SyntaxError",
    at: [expect.stringContaining("parse"), ...Array(7).fill(expect.anything())],
  });
  expect(
    JSON.stringify([describeFault(ours(foreign)), describeFault(foreign), describeFault("hush")]),
  ).not.toContain("hush");
});
