import { expect, it } from "vitest";
import { guessRows } from "./guess-rows.ts";

it.each([
  ["detect", '{"image":"a","objects":[]}'],
  ["segment", '{"image":"a","mask":"b"}'],
  ["segment", '{"segments":[],"image":"a"}'],
  ["classify", '\n \n{"image":"a","label":"b"}\n{"image":"a","objects":[]}'],
  ["classify", '{"image":"a"'],
  ["classification", '{"text":"image","label":"b"}'],
  ["classification", "text,label\na,b"],
  ["classification", '["image"]'],
  ["classification", ""],
  ["multi_label", '{"text":"a","labels":[]}'],
  ["regression", '{"value":1,"text":"a","text_pair":"b"}'],
  ["tagging", '{"tokens":["a"],"tags":["O"]}'],
  ["retrieval", '{"query":"a","positive":"b"}'],
])("rows are of %s by their first: %s", async (task, text) => {
  const { rows, chunks } = await guessRows(piecesOf(text));
  expect(rows.task).toBe(task);
  expect("pairs" in rows && rows.pairs).toBe(text.includes("text_pair"));
  let whole = "";
  for await (const chunk of chunks) whole += Buffer.from(chunk).toString();
  expect(whole).toBe(text);
});

it.each([
  ["multi_label", "text;labels"],
  ["multi_label", '\n"Text"\t"Labels"\n'],
  ["regression", "id,text,text_pair,value"],
  ["retrieval", "positive,query"],
  ["classification", "text,label,value"],
  ["classification", "text,text_pair,label,labels"],
  ["classification", "what,ever"],
])("tables are of %s by their header: %s", async (task, header) => {
  const { rows } = await guessRows(piecesOf(header), "csv");
  expect(rows).toEqual({ about: "texts", task, pairs: header.includes("text_pair") });
});

it("wait for a long first line only where it may hold an image", async () => {
  let pulled = 0;
  const long = (head: string, pieces: number) =>
    (async function* () {
      for (const letter of head) yield Buffer.from(letter);
      for (; pulled < pieces; pulled++) yield Buffer.alloc(65_536, "A");
      yield Buffer.from('","label":"a"}\n');
    })();
  expect((await guessRows(long('{"text":"', 1000))).rows.task).toBe("classification");
  expect(pulled).toBeLessThan(20);
  pulled = 0;
  expect((await guessRows(long('{"image":"data:image/png;base64,', 60))).rows).toEqual({
    about: "images",
    task: "classify",
  });
});

it("let go of their source by whoever stops reading, wherever that is", async () => {
  for (const read of [1, 2, 3]) {
    let isLeft = false;
    const source = (async function* () {
      try {
        for (;;) yield Buffer.from('{"text":"a","label":"b"}\n');
      } finally {
        isLeft = true;
      }
    })();
    const { chunks } = await guessRows(source);
    let seen = 0;
    for await (const _ of chunks) if (++seen === read) break;
    expect(isLeft).toBe(true);
  }
});

async function* piecesOf(text: string): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += 5) yield bytes.subarray(at, at + 5);
}
