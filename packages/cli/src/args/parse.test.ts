import { describe, expect, it } from "vitest";
import { isCodedError } from "@kilotune/contract";
import type { Flags, Positionals } from "./flags.ts";
import { parseCommand } from "./parse.ts";

const flags = {
  out: { kind: "text", value: "FILE", about: "", default: "here" },
  prompt: { kind: "texts", value: "FILE", about: "", required: true },
  method: { kind: "choice", of: ["kv", "soft"], about: "", default: "kv" },
  epochs: { kind: "integer", value: "N", min: 1, max: 9, or: "auto", about: "", default: "auto" },
  "first-layer": { kind: "integer", value: "N", min: 0, max: 9, about: "" },
  resume: { kind: "switch", about: "" },
} as const satisfies Flags;

const positionals = {
  train: { value: "TRAIN", count: "one", about: "" },
  texts: { value: "TEXT", count: "any", about: "" },
} as const satisfies Positionals;

const parse = (...argv: string[]) => parseCommand({ name: "try", flags, positionals }, argv);

describe("arguments", () => {
  it("become typed values, with defaults where nothing is given", () => {
    expect(parse("a.jsonl", "--prompt", "p")).toEqual({
      train: "a.jsonl",
      texts: [],
      out: "here",
      prompt: ["p"],
      method: "kv",
      epochs: "auto",
      firstLayer: undefined,
      resume: false,
    });
  });

  it("may stand in any order, with = or a blank, several times where the table says so", () => {
    const args = parse(
      "--prompt=a",
      "t",
      "--first-layer",
      "0",
      "--epochs=3",
      "--resume",
      "--prompt",
      "b",
      "x",
    );
    expect(args).toMatchObject({ prompt: ["a", "b"], firstLayer: 0, epochs: 3, resume: true, texts: ["x"] });
  });

  it("after -- are words, whatever they look like, and a lone - is one too", () => {
    expect(parse("--prompt", "p", "-", "--", "--out", "-5").texts).toEqual(["--out", "-5"]);
    expect(parse("--prompt", "p", "-").train).toBe("-");
  });

  it.each([
    [["t"], "--prompt is missing"],
    [["--prompt", "p"], "TRAIN is missing"],
    [["t", "--prompt"], "--prompt needs a value"],
    [["t", "--prompt", "--resume"], "--prompt needs a value"],
    [["t", "--prompt="], "--prompt needs a value"],
    [["t", "--prompt", "p", "--out", "a", "--out", "b"], "--out is given twice"],
    [["t", "--prompt", "p", "--resume=yes"], "--resume takes no value"],
    [["t", "--prompt", "p", "--reusme"], "Did you mean --resume?"],
    [["t", "--prompt", "p", "-x"], 'A text that begins with "-" goes after "--".'],
    [["t", "--prompt", "p", "--constructor"], "no flag --constructor"],
    [["t", "--prompt", "p", "--__proto__"], "no flag --__proto__"],
    [["t", "--prompt", "p", "--method", "svm"], "expected kv, soft"],
    [["t", "--prompt", "p", "--epochs", "0"], 'from 1 to 9 or "auto", but saw "0"'],
    [["t", "--prompt", "p", "--epochs", "1e1"], 'but saw "1e1"'],
    [["t", "--prompt", "p", "--epochs", "2.5"], 'but saw "2.5"'],
    [["t", "--prompt", "p", "--epochs", "10"], 'but saw "10"'],
    [["t", "--prompt", "p", "--first-layer", "-1"], 'but saw "-1"'],
    [["t", "--prompt", "p", "--first-layer", "\u001b[2Jx"], 'but saw "\\u001b[2Jx"'],
  ])("%j is wrong usage", (argv, words) => {
    try {
      parse(...argv);
    } catch (error) {
      if (!isCodedError(error)) throw error;
      expect(error.kind).toBe("usage");
      expect(`${error.message} ${error.hint}`).toContain(words);
      expect(error.hint).toContain("kilotune try --help");
      return;
    }
    expect.unreachable("it was accepted");
  });

  it("refuses a word too many where no positional takes it", () => {
    const one = { name: "one", flags: {}, positionals: { train: positionals.train } };
    expect(() => parseCommand(one, ["a", "b"])).toThrow('expected no more words, but saw "b"');
  });
});
