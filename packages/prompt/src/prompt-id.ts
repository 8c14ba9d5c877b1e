/**
 * Ids are made from the content, so that none can ever mean two files. A checked id holds nothing that a path or an
 * address could give a meaning to: no dots, no slashes, no percent signs.
 */
export function isPromptId(text: string): boolean {
  return /^sha256-[0-9a-f]{64}$/.test(text);
}

/** "sha256-" and the SHA-256 of the file in lower-case hex, by WebCrypto: the same in Node and in browsers. */
export async function promptIdOf(file: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", file));
  return `sha256-${Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
