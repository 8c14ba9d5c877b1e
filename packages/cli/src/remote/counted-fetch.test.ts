import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { countedFetch } from "./counted-fetch.ts";

async function serverThat(answers: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answers).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.closeAllConnections();
    server.close();
  };
  return { url, [Symbol.asyncDispose]: close };
}

const BYTES = randomBytes(8_000_000);

describe("a body", () => {
  it("arrives as it is, with its length and type, and is told of as it goes", async () => {
    const got: Buffer[] = [];
    let headers = {};
    await using server = await serverThat(async (request, response) => {
      headers = request.headers;
      for await (const chunk of request) {
        got.push(chunk);
        // A slow line: what isn't taken isn't told as sent.
        if (got.length % 20 === 0) await setTimeout(5);
      }
      response.end("done");
    });
    const told: [number, number][] = [];
    const send = countedFetch((sent, all) => told.push([sent, all]));
    const body = new Blob([BYTES], { type: "text/x" });
    expect(await (await send(server.url, { method: "POST", body })).text()).toBe("done");
    expect(Buffer.concat(got).equals(BYTES)).toBe(true);
    expect(headers).toMatchObject({ "content-length": "8000000", "content-type": "text/x" });
    expect(headers).not.toHaveProperty("transfer-encoding");
    expect(told[0]).toEqual([0, BYTES.length]);
    expect(told.at(-1)).toEqual([BYTES.length, BYTES.length]);
    expect(told.map(([sent]) => sent)).toEqual(told.map(([sent]) => sent).toSorted((a, b) => a - b));
    expect(told.length).toBeGreaterThan(20);
  });

  it("of which nobody takes more is told of no further than some buffers", async () => {
    await using server = await serverThat(() => {});
    let most = 0;
    const abort = new AbortController();
    const send = countedFetch((sent) => {
      most = sent;
    });
    const body = new Blob(Array(8).fill(BYTES));
    const sending = send(server.url, { method: "POST", body, signal: abort.signal });
    sending.catch(() => {});
    await setTimeout(500);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(body.size / 2);
    abort.abort(new Error("stopped"));
    await expect(sending).rejects.toThrow("stopped");
  });

  it("that is refused before its end ends there, and begins anew when it is sent again", async () => {
    let calls = 0;
    await using server = await serverThat((request, response) => {
      if (++calls > 1) return request.resume().on("end", () => response.end("done"));
      response.writeHead(401, { connection: "close" }).end("no");
      return undefined;
    });
    const told: number[] = [];
    const send = countedFetch((sent) => told.push(sent));
    const body = new Blob([BYTES]);
    const first = await send(server.url, { method: "POST", body }).catch(() => undefined);
    if (first !== undefined) expect(first.status).toBe(401);
    const before = told.length;
    expect(await (await send(server.url, { method: "POST", body })).text()).toBe("done");
    expect(told[before]).toBe(0);
    expect(told.at(-1)).toBe(BYTES.length);
  });
});

it("leaves other calls as they are", async () => {
  await using server = await serverThat((request, response) => {
    request.resume().on("end", () => response.end(request.method));
  });
  const send = countedFetch(() => expect.unreachable("no body of bytes"));
  expect(await (await send(server.url)).text()).toBe("GET");
  expect(await (await send(server.url, { method: "PUT", body: "text" })).text()).toBe("PUT");
});
