/** Whether a text is `data:<type>;base64,<bytes>`, whole: what it says of its type is for others to believe. */
export function isDataUrl(text: string): boolean {
  const head = HEAD.exec(text)?.[0];
  if (head === undefined) return false;
  const base64 = text.slice(head.length);
  return base64.length > 0 && base64.length % 4 === 0 && BASE64.test(base64);
}

/** The bytes of a text that `isDataUrl`. */
export function bytesOfDataUrl(url: string): Uint8Array<ArrayBuffer> {
  const letters = atob(url.slice(url.indexOf(",") + 1));
  const bytes = new Uint8Array(letters.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = letters.charCodeAt(at);
  return bytes;
}

/** Anchored and bounded: a text of a megabyte that is none is seen at once. */
const HEAD = /^data:[\w.+-]{0,60}\/?[\w.+-]{0,60}(?:;[\w-]{1,30}=[\w-]{1,60}){0,4};base64,/i;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
