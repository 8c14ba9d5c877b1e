import { KilotuneError } from "@kilotune/contract";
import { describe, expect, it } from "vitest";
import { failureOf, failureWords } from "./exit.ts";

describe("exit codes", () => {
  it.each([
    ["input", 1],
    ["usage", 2],
    ["machine", 3],
  ] as const)("an error of kind %s gives %i", (kind, exitCode) => {
    const failure = failureOf(new KilotuneError("some_code", "Seen.", "Try.", { kind }));
    expect(failure).toEqual({ exitCode, code: "some_code", message: "Seen.", hint: "Try." });
  });

  it("knows errors by their shape, whichever copy of a package made them", () => {
    const foreign = Object.assign(new Error("m"), { code: "far", kind: "machine", hint: "h" });
    expect(failureOf(foreign)).toMatchObject({ exitCode: 3, code: "far" });
  });

  it("gives 130 for Ctrl-C, as shells do", () => {
    expect(failureOf(new KilotuneError("interrupted", "m", "h", { kind: "machine" })).exitCode).toBe(130);
  });

  it("blames the machine for what the operating system refuses, and itself for the rest", () => {
    const full = Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC", syscall: "write" });
    expect(failureOf(full)).toMatchObject({ exitCode: 3, code: "disk_full" });
    expect(failureOf(new TypeError("x is not a function"))).toMatchObject({ exitCode: 3, code: "bug" });
    expect(failureOf("thrown text").message).toBe("This is a bug in Kilotune: thrown text");
  });

  it("says nothing that could steer a terminal", () => {
    const failure = failureOf(new KilotuneError("c", "saw \u001b[2J\u202e", "h\u0007"));
    expect(failureWords(failure)).toBe("saw \\u001b[2J\\u202e\nh\\u0007");
  });
});
