import { describe, expect, it } from "vitest";
import { promptOf, readTexts, rowsOfWords, type TextLayout } from "./texts.ts";

async function read(text: string, layout: TextLayout = "jsonl") {
  const rows = [];
  for await (const row of readTexts(Buffer.from(text), layout, "f.jsonl")) rows.push(row);
  return rows;
}

describe("texts to classify", () => {
  it("are rows of JSONL; other keys, such as a label, don't matter", async () => {
    expect(await read('\uFEFF{"text":"a","label":"x"}\r\n\n{"text":"b","prompt":"p"}')).toEqual([
      { text: "a", line: 1 },
      { text: "b", prompt: "p", line: 3 },
    ]);
  });

  it("on stdin may be plain lines too, told by the first one", async () => {
    expect(await read("where is it\n{not json}\n", "auto")).toEqual([
      { text: "where is it", line: 1 },
      { text: "{not json}", line: 2 },
    ]);
    expect(await read('{"text":"a"}\n', "auto")).toEqual([{ text: "a", line: 1 }]);
  });

  it.each([
    ['{"text":"a"}\n{"text":5}', "bad_text", "f.jsonl: line 2: "],
    ['{"text":"a"}\n{"text":', "bad_json", "f.jsonl: line 2: "],
    ["[1]", "not_an_object", "line 1: "],
    ['{"text":" \\n"}', "bad_text", "only blanks"],
    ['{"text":"\\ud800"}', "bad_text", "surrogate"],
    ['{"text":"a","prompt":3}', "bad_prompt_path", "line 1: "],
    ['{"__proto__":{"text":"a"}}', "bad_text", '"text"'],
    ["aaaa\0b", "binary", "line 1: "],
    ["", "empty_file", "0 bytes"],
  ])("%j is refused with its line", async (text, code, words) => {
    await expect(read(text)).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  });

  it("of the command line are all checked before the first is answered", async () => {
    await expect(rowsOfWords(["fine", " "]).next()).rejects.toMatchObject({ code: "bad_text" });
  });

  it("are answered only by prompts that were given: a path in a file opens nothing", () => {
    const given = ["out/a.safetensors", "b.safetensors"];
    const row = { text: "t", line: 4 };
    expect(promptOf({ ...row, prompt: "./out/a.safetensors" }, given)).toBe("out/a.safetensors");
    expect(promptOf(row, ["b.safetensors"])).toBe("b.safetensors");
    expect(() => promptOf({ ...row, prompt: "/etc/passwd" }, given)).toThrow("line 4: expected");
    expect(() => promptOf(row, given)).toThrow("but saw none");
  });
});
