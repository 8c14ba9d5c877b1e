import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { ReadableStream } from "node:stream/web";
import { type HttpBindings, serve } from "@hono/node-server";
import { openTestApi, type TestApi } from "../../packages/api/src/testing.ts";

/** The API's test double behind a real port, with a line that can be made to fail. */
export interface TestServer extends AsyncDisposable {
  readonly api: TestApi;
  readonly url: string;
  /** Each meets one request, in order; the rest are answered as ever. */
  readonly faults: Fault[];
  /** As they came. */
  readonly requests: { readonly method: string; readonly path: string; readonly headers: Headers }[];
}

/** What happens to a request instead of its answer. The answer comes of `next`, whether or not it is sent on. */
export type Fault = (next: () => Promise<Response>, line: Line) => Response | Promise<Response>;

export interface Line {
  /** Ends the connection as a dead machine would. */
  drop(): Promise<never>;
}

export async function openTestServer(): Promise<TestServer> {
  const api = await openTestApi();
  const faults: Fault[] = [];
  const requests: { method: string; path: string; headers: Headers }[] = [];
  const server = serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, bindings) => {
      const { incoming } = bindings as HttpBindings;
      const { pathname, search } = new URL(request.url);
      requests.push({
        method: request.method,
        path: pathname + search,
        headers: new Headers(request.headers),
      });
      const fault = faults.shift();
      const next = () => api.fetch(request);
      return fault === undefined ? next() : fault(next, lineOf(incoming.socket));
    },
  });
  await once(server, "listening");
  return {
    api,
    faults,
    requests,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      if ("closeAllConnections" in server) server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await api[Symbol.asyncDispose]();
    },
  };
}

function lineOf(socket: Socket): Line {
  return {
    drop() {
      socket.destroy();
      return new Promise<never>(() => {});
    },
  };
}

/** Nothing was done. */
export const dropped: Fault = (_, line) => line.drop();

/** It was done, but nobody is told. */
export const unheard: Fault = async (next, line) => {
  await (await next()).text();
  return line.drop();
};

export function answering(
  status: number,
  headers: Record<string, string> = {},
  body: object | string = {},
): Fault {
  return () =>
    typeof body === "string"
      ? new Response(body, { status, headers })
      : Response.json(body, { status, headers });
}

/** The first bytes of the answer, then `end`: a closed line, or silence. */
export function cutAfter(bytes: number, end: "drop" | "stall"): Fault {
  return async (next, line) => {
    const answer = await next();
    const body = ReadableStream.from(firstOf(answer.body!, bytes, end, line)) as BodyInit;
    return new Response(body, answer);
  };
}

async function* firstOf(body: AsyncIterable<Uint8Array>, bytes: number, end: "drop" | "stall", line: Line) {
  let left = bytes;
  for await (const chunk of body) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) break;
  }
  // What was sent must arrive first.
  if (end === "drop") setTimeout(() => line.drop(), 20);
  await new Promise<never>(() => {});
}
