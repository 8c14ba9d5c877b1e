/** A Blob's bytes as the API takes images within a body. */
export async function dataUrlOf(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let letters = "";
  // In pieces: a call's arguments are bounded.
  for (let at = 0; at < bytes.length; at += PIECE)
    letters += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  // The server looks at the bytes, not at what is said of them.
  const type = /^[\w.+-]+\/[\w.+-]+$/.test(blob.type) ? blob.type : "application/octet-stream";
  return `data:${type};base64,${btoa(letters)}`;
}

const PIECE = 0x2000;
