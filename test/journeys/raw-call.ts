import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";

export interface RawCall {
  readonly method: string;
  /** As it goes on the wire: nothing is resolved or escaped, as `fetch` would. */
  readonly path: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** One call over a connection of its own, so that a refusal at one can't spoil the next. */
export async function rawCall(
  url: string,
  { method, path, key, headers, body }: RawCall,
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const call = request({
    hostname,
    port,
    method,
    path,
    agent: false,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }),
      ...headers,
    },
  });
  call.end(body);
  const [answer] = (await once(call, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of answer.setEncoding("utf8")) text += chunk;
  return { status: answer.statusCode ?? 0, headers: answer.headers, text };
}
