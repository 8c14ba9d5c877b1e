import { ConnectionError } from "../errors.ts";

/**
 * The data of server-sent events, as the HTML standard reads them: lines end in \n, \r or \r\n, a character may be cut
 * between two pieces, and an event that isn't ended by an empty line never was. A comment, which servers send as a sign
 * of life, comes as "": no event is empty. Leaving early cancels the stream.
 */
export async function* serverEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  let data: string[] = [];
  for await (const line of lines(body)) {
    const [, field, value = ""] = /^(\w+)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === "data") data.push(value);
    if (line.startsWith(":")) yield "";
    if (line !== "") continue;
    const event = data.join("\n");
    data = [];
    if (event !== "") yield event;
  }
}

async function* lines(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let endedInReturn = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const text = decoder.decode(value, { stream: true });
      if (text === "") continue;
      // The second half of a \r\n that was cut in two.
      rest += endedInReturn && text.startsWith("\n") ? text.slice(1) : text;
      endedInReturn = text.endsWith("\r");
      const whole = rest.split(/\r\n|\r|\n/);
      rest = whole.pop() ?? "";
      if (rest.length > LONGEST_LINE)
        throw new ConnectionError("The server's events are a line without end.");
      yield* whole;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** UTF-16 units; an event of ours has a few hundred. */
const LONGEST_LINE = 2 ** 20;
