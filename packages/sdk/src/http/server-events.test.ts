import fc from "fast-check";
import { expect, it } from "vitest";
import { serverEvents } from "./server-events.ts";

async function read(...pieces: (string | Uint8Array)[]): Promise<string[]> {
  const utf8 = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(typeof piece === "string" ? utf8.encode(piece) : piece);
      controller.close();
    },
  });
  const events: string[] = [];
  for await (const data of serverEvents(body)) events.push(data);
  return events;
}

it.each<[string, string[], string[]]>([
  ["lines of all three ends", ["data: a\n\ndata: b\r\rdata: c\r\n\r\n"], ["a", "b", "c"]],
  ["a \\r\\n in two pieces", ["data: a\r", "\n\r", "\ndata: b\n\n"], ["a", "b"]],
  ["a \\r that ends the last event", ["data: a\r\r"], ["a"]],
  ["several data lines as one", ["data: a\ndata:b\ndata\ndata:  c\n\n"], ["a\nb\n\n c"]],
  ["ids, other fields, empty events", ["id: 7\nevent: x\n\nid: 8\ndata: a\n\n\ndata\n\n"], ["a"]],
  ["comments as signs of life", [": hi\n\n:\ndata: a\n\n"], ["", "", "a"]],
  ["an end in the middle as none", ["data: a\n\ndata: b\n"], ["a"]],
  ["a byte order mark", ["\ufeffdata: a\n\n"], ["a"]],
])("reads %s", async (_, pieces, events) => {
  expect(await read(...pieces)).toEqual(events);
});

it("reads the same events however the bytes are cut (graniet/llm#90)", async () => {
  const text = fc.string({ unit: "binary" }).map((word) => JSON.stringify(word.toWellFormed()));
  const end = fc.constantFrom("\n", "\r\n", "\r");
  await fc.assert(
    fc.asyncProperty(
      fc.array(text),
      end,
      fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
      async (words, end, sizes) => {
        const bytes = new TextEncoder().encode(
          words.map((word) => `id: x${end}data: ${word}${end}${end}`).join(""),
        );
        const pieces: Uint8Array[] = [];
        for (let at = 0; at < bytes.length; at += pieces.at(-1)!.length) {
          pieces.push(bytes.subarray(at, at + (sizes.next().value as number)));
        }
        expect(await read(...pieces)).toEqual(words);
      },
    ),
    { numRuns: 100 },
  );
});

it("gives up a line without end, and cancels the stream", async () => {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1 << 16).fill(120)),
    cancel: () => {
      cancelled = true;
    },
  });
  await expect(serverEvents(body).next()).rejects.toMatchObject({ code: "connection_failed" });
  expect(cancelled).toBe(true);
});
