import type OpenAI from "openai";

/** What a tenant's files and prompts come to, as the records in its own archive say. */
export async function exportedBytes(client: OpenAI): Promise<number> {
  const answer = await client.get("/export", { __binaryResponse: true }).asResponse();
  let sum = 0;
  for (const { name, text } of filesIn(Buffer.from(await answer.arrayBuffer()))) {
    if (!/^records\/(file|prompt)-/.test(name)) continue;
    for (const row of text.trimEnd().split("\n")) {
      const { bytes, sizeBytes } = JSON.parse(row);
      sum += bytes ?? sizeBytes;
    }
  }
  return sum;
}

/** Of a tar: a header of 512 bytes a file, with its name and its size in octal; then its bytes, padded to 512. */
function* filesIn(archive: Buffer): Generator<{ readonly name: string; readonly text: string }> {
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0; ) {
    const name = archive.toString("utf8", at, archive.indexOf(0, at));
    const size = Number.parseInt(archive.toString("latin1", at + 124, at + 135), 8);
    yield { name, text: archive.toString("utf8", at + BLOCK, at + BLOCK + size) };
    at += BLOCK + BLOCK * Math.ceil(size / BLOCK);
  }
}

const BLOCK = 512;
