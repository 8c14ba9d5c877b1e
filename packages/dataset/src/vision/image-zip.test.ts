import { expect, it } from "vitest";
import { ZipFile } from "yazl";
import { openImageZip, readRowFile } from "./image-zip.ts";
import { lintImages } from "./lint-images.ts";
import { readImageRows } from "./read-image-rows.ts";

const ROWS = '{"image":"pics/a.png","label":"x"}\n{"image":"./pics\\\\b.png","label":"y"}\n';

it("rows of a zip name files from their folder on", async () => {
  const zip = await opened({
    "set/train.jsonl": ROWS,
    "set/pics/a.png": "A",
    "set/pics/b.png": "B",
    c: "no",
  });
  let rows = "";
  for await (const piece of zip.rows()) rows += Buffer.from(piece).toString();
  expect(rows).toBe(ROWS);
  expect(Buffer.from(await readRowFile("./pics\\b.png", zip)).toString()).toBe("B");
  await expect(zip.read("c")).rejects.toMatchObject({ code: "image_not_found", kind: "input" });
  await expect(readRowFile("pics/a.png")).rejects.toMatchObject({ code: "image_not_here", kind: "input" });
});

it("without rows, or with two files of them, is refused", async () => {
  await expect(opened({ a: "x" })).rejects.toMatchObject({ code: "zip_rows" });
  await expect(opened({ "a.jsonl": "x", "b.JSONL": "y" })).rejects.toMatchObject({ code: "zip_rows" });
});

it("images within rows are rows like others, but addresses and broken ones aren't", async () => {
  const url = `data:image/png;base64,${Buffer.alloc(2_000_000).toString("base64")}`;
  const lines = [url, url, "data:image/png;base64,A", "http://169.254.169.254/a.png"].map((image, at) =>
    JSON.stringify({ image, label: `l${at}` }),
  );
  const { report } = await lintImages(readImageRows(Buffer.from(lines.join("\n")), "classify"));
  expect(report.rows).toBe(2);
  expect(report.errors.map(({ line, code }) => [line, code])).toEqual([
    [3, "image_data_url"],
    [4, "image_address"],
  ]);
  expect(report.warnings.map(({ code }) => code)).not.toContain("image_twice");
});

async function opened(files: Readonly<Record<string, string>>) {
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(files)) zip.addBuffer(Buffer.from(content), name);
  zip.end();
  const parts: Buffer[] = [];
  for await (const part of zip.outputStream) parts.push(part as Buffer);
  const bytes = Buffer.concat(parts);
  const file = {
    read: async (buffer: Uint8Array, offset: number, length: number, position: number) => ({
      bytesRead: bytes.copy(buffer, offset, position, position + length),
    }),
  };
  return openImageZip(file, bytes.length, 1e6);
}
