import { once } from "node:events";
import type { Writable } from "node:stream";
import { KilotuneError } from "@kilotune/contract";

/** What API Gateway and a Function URL without streaming are answered. */
export interface BufferedAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly string[];
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

/** @throws KilotuneError `not_implemented` where the answer is too large to be given as a whole */
export async function bufferedAnswer(response: Response): Promise<BufferedAnswer> {
  const bytes = Buffer.from(await response.arrayBuffer());
  const isText = TEXT.test(response.headers.get("content-type") ?? "");
  const body = bytes.toString(isText ? "utf8" : "base64");
  if (body.length > MAX_LETTERS) throw tooLarge();
  return { ...headOf(response), body, isBase64Encoded: !isText };
}

/** What of an answer comes before its body. */
export function headOf({ status, headers }: Response) {
  const cookies = headers.getSetCookie();
  const others = [...headers].filter(([name]) => name !== "set-cookie");
  return { statusCode: status, headers: Object.fromEntries(others), cookies };
}

/**
 * Writes a body as it comes. Where it breaks, so does this: the line is cut, and the client knows that it hasn't all.
 *
 * @throws what the body throws; where the client has hung up
 */
export async function writeBody(response: Response, stream: Writable): Promise<void> {
  // Lambda sends no head before a first byte, even an empty one.
  stream.write("");
  for await (const chunk of response.body ?? []) {
    if (stream.destroyed) return;
    if (!stream.write(chunk)) await Promise.race([once(stream, "drain"), once(stream, "close")]);
  }
}

const TEXT = /^(text\/|application\/(json|x-ndjson|jsonl|javascript)\b)/i;
const MAX_LETTERS = 5_900_000;

function tooLarge(): KilotuneError {
  return new KilotuneError(
    "not_implemented",
    "The answer has more than 6 MB, which doesn't pass without streaming.",
    "Call the function's own URL, which streams, or ask for less.",
  );
}
