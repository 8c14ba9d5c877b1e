import type { Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { KilotuneError } from "@kilotune/contract";

export interface Listening {
  readonly url: string;
  /** Takes no more calls, answers those it has, and cuts what would never end: followers of a job, dead clients. */
  close(): Promise<void>;
}

export interface ListenOptions {
  /** 0: any that is free. */
  readonly port: number;
  readonly host: string;
  /** The longest that `close` waits for answers. */
  readonly graceMs: number;
}

type Fetch = (request: Request) => Response | Promise<Response>;

/** @throws KilotuneError `port_in_use`, `port_not_permitted`, `bad_host` */
export async function listen(fetch: Fetch, { port, host, graceMs }: ListenOptions): Promise<Listening> {
  const answering = new Set<ServerResponse>();
  const server = createAdaptorServer({
    // The global Request and Response stay Node's own: other code of this process relies on them.
    overrideGlobalObjects: false,
    async fetch(request, { outgoing }) {
      const answer = await fetch(request);
      const isStream = answer.headers.get("content-type")?.startsWith("text/event-stream");
      if (isStream) answering.delete(outgoing as ServerResponse);
      return answer;
    },
  }) as Server;
  // An upload of 512 MB takes its time; the API watches that bytes keep coming.
  server.requestTimeout = 0;
  // Longer than usual proxies keep theirs, so that they close first.
  server.keepAliveTimeout = 75_000;
  let isClosing = false;
  let arrived = 0;
  server.prependListener("request", (_, outgoing: ServerResponse) => {
    if (isClosing) outgoing.shouldKeepAlive = false;
    arrived++;
    answering.add(outgoing);
    outgoing.once("close", () => answering.delete(outgoing));
  });

  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenFault(error, host, port)));
    server.listen({ port, host }, resolve);
  });
  const bound = server.address() as AddressInfo;
  const name = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;

  const untilQuiet = async () => {
    for (let quiet = 0, left = 40; quiet < 5 && left > 0; left--) {
      const before = arrived;
      await pause(50);
      quiet = arrived === before ? quiet + 1 : 0;
    }
  };

  return {
    url: `http://${name}:${bound.port}`,
    async close() {
      isClosing = true;
      // What is on the wire this moment was sent to a server that was there: it is still read and answered.
      await untilQuiet();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const deadline = performance.now() + graceMs;
      while (answering.size > 0 && performance.now() < deadline) await pause(20);
      server.closeAllConnections();
      await closed;
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function listenFault(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const refuse = (code: string, seen: string, hint: string) =>
    new KilotuneError(code, `can't listen on ${host}:${port}: ${seen}`, hint, {
      kind: "usage",
      cause: error,
    });
  switch (error.code) {
    case "EADDRINUSE":
      return refuse("port_in_use", "another program does", "Stop it, or choose another port with --port.");
    case "EACCES":
      return refuse("port_not_permitted", "this user may not", "Choose a port above 1023.");
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EINVAL":
      return refuse(
        "bad_host",
        "this machine has no such address",
        "Use 127.0.0.1 for this machine alone, 0.0.0.0 for every network it is in.",
      );
    default:
      return error;
  }
}
