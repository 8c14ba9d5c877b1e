import { randomHex } from "./random-hex.ts";

/**
 * A multipart form as one Blob: made of the file where it lies, with a length that is known, to be sent again as often as
 * it takes. Not FormData: Node's fetch ends the process with an unhandled rejection ("ReadableStream is already closed")
 * where a server refuses such a form before its end.
 */
export function form(
  fields: Readonly<Record<string, string>>,
  file: Blob,
  filename: string,
  fileField = "file",
): Blob {
  // No file holds it, unless it was made from it.
  const boundary = `kilotune-${randomHex()}`;
  const heads = Object.entries(fields).map(([name, value]) => `${head(boundary, name)}\r\n\r\n${value}\r\n`);
  const fileHead = `${head(boundary, fileField)}; filename="${escaped(filename)}"`;
  const type = "content-type: application/octet-stream";
  return new Blob([...heads, `${fileHead}\r\n${type}\r\n\r\n`, file, `\r\n--${boundary}--\r\n`], {
    type: `multipart/form-data; boundary=${boundary}`,
  });
}

function head(boundary: string, name: string): string {
  return `--${boundary}\r\ncontent-disposition: form-data; name="${name}"`;
}

/** As the HTML standard has it. */
function escaped(filename: string): string {
  return filename.replaceAll("\r", "%0D").replaceAll("\n", "%0A").replaceAll('"', "%22");
}
