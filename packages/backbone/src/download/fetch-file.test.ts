import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { fetchFile, type FetchOptions } from "./fetch-file.ts";
import { bytesOf, deadAddress, fileOf, type LocalServer, send, serve, temporaryFolder } from "./testing.ts";

const BYTES = bytesOf(300_000);
const FILE = fileOf("model.bin", BYTES);

function options(change: Partial<FetchOptions> = {}): FetchOptions {
  return { fetch, signal: new AbortController().signal, stallMs: 2000, onBytes: () => {}, ...change };
}

/** Fetches FILE into a folder, over a part with `left` bytes of a download that died. */
async function fetchInto(
  folder: string,
  server: Pick<LocalServer, "url">,
  left?: Uint8Array,
  change?: Partial<FetchOptions>,
) {
  const target = path.join(folder, FILE.name);
  if (left) await writeFile(`${target}.${host()}-${await deadProcess()}-00000000.part`, left);
  await fetchFile(`${server.url}/${FILE.name}`, target, FILE, options(change));
  return new Uint8Array(await readFile(target));
}

function host(): string {
  return os
    .hostname()
    .replaceAll(/[^A-Za-z0-9]/g, "")
    .slice(0, 40);
}

async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  return child.pid!;
}

describe("fetchFile", () => {
  it("writes the file and leaves nothing else", async () => {
    await using folder = await temporaryFolder();
    await using server = await serve((request, response) => send(request, response, BYTES));
    const seen: number[] = [];
    expect(await fetchInto(folder.path, server, undefined, { onBytes: (bytes) => seen.push(bytes) })).toEqual(
      BYTES,
    );
    expect(seen.at(-1)).toBe(BYTES.length);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(await readdir(folder.path)).toEqual([FILE.name]);
  });

  it("goes on where a dead download stopped", async () => {
    await using folder = await temporaryFolder();
    await using server = await serve((request, response) => send(request, response, BYTES));
    expect(await fetchInto(folder.path, server, BYTES.subarray(0, 120_001))).toEqual(BYTES);
    expect(server.requests).toEqual(["/model.bin bytes=120001-"]);
    expect(await readdir(folder.path)).toEqual([FILE.name]);
  });

  it("asks for nothing where only the renaming was left to do", async () => {
    await using folder = await temporaryFolder();
    expect(await fetchInto(folder.path, { url: await deadAddress() }, BYTES)).toEqual(BYTES);
  });

  it.each([
    ["spoilt", bytesOf(1000, 7), 2],
    ["too long", bytesOf(300_001, 7), 1],
  ])("starts from zero over a part that is %s", async (_, left, requests) => {
    await using folder = await temporaryFolder();
    await using server = await serve((request, response) => send(request, response, BYTES));
    expect(await fetchInto(folder.path, server, left)).toEqual(BYTES);
    expect(server.requests).toHaveLength(requests);
    expect(server.requests.at(-1)).toBe("/model.bin whole");
  });

  it("accepts the whole file from a server that knows no ranges", async () => {
    await using folder = await temporaryFolder();
    await using server = await serve((_, response) => response.end(BYTES));
    expect(await fetchInto(folder.path, server, BYTES.subarray(0, 5000))).toEqual(BYTES);
  });

  it("takes up a connection that is cut again and again", async () => {
    await using folder = await temporaryFolder();
    await using server = await serve((request, response) => send(request, response, BYTES, 90_000));
    expect(await fetchInto(folder.path, server)).toEqual(BYTES);
    expect(server.requests.length).toBeGreaterThan(3);
  });

  it("goes on after kill -9", async () => {
    await using folder = await temporaryFolder();
    let slow = true;
    await using server = await serve((request, response) => {
      if (!slow) return send(request, response, BYTES);
      response.writeHead(200, { "content-length": BYTES.length });
      response.write(BYTES.subarray(0, 150_000));
    });
    const target = path.join(folder.path, FILE.name);
    const module = pathToFileURL(path.join(import.meta.dirname, "fetch-file.ts")).href;
    const script = `import { fetchFile } from ${JSON.stringify(module)};
      await fetchFile(${JSON.stringify(`${server.url}/${FILE.name}`)}, ${JSON.stringify(target)}, ${JSON.stringify(FILE)},
        { fetch, signal: new AbortController().signal, stallMs: 60_000,
          onBytes: (bytes) => bytes === 150_000 && console.log("half") });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
    slow = false;
    expect(await fetchInto(folder.path, server)).toEqual(BYTES);
    expect(server.requests.at(-1)).toBe("/model.bin bytes=150000-");
    expect(await readdir(folder.path)).toEqual([FILE.name]);
  });

  it("lets two downloads of one file run side by side", async () => {
    await using folder = await temporaryFolder();
    await using server = await serve((request, response) => send(request, response, BYTES));
    const both = [1, 2, 3].map(() => fetchInto(folder.path, server));
    for (const bytes of await Promise.all(both)) expect(bytes).toEqual(BYTES);
    expect(await readdir(folder.path)).toEqual([FILE.name]);
  });
});

describe("fetchFile gives up on", () => {
  const failure = async (server: Pick<LocalServer, "url">, change?: Partial<FetchOptions>) => {
    await using folder = await temporaryFolder();
    const error: unknown = await fetchInto(folder.path, server, undefined, change).catch((reason) => reason);
    return { error, left: await readdir(folder.path) };
  };

  it("other bytes, keeping none of them", async () => {
    await using server = await serve((request, response) =>
      send(request, response, bytesOf(BYTES.length, 9)),
    );
    const { error, left } = await failure(server);
    expect(error).toMatchObject({
      name: "SourceFailure",
      message: expect.stringContaining(`expected SHA-256 ${FILE.sha256}`),
    });
    expect(left).toEqual([]);
  });

  it.each([
    ["404", 404, { "content-length": 9 }, "HTTP 404 Not Found"],
    ["a sign-in page", 200, { "content-length": 9 }, "expected 300000 bytes, the server has 9"],
    [
      "another range",
      206,
      { "content-range": "bytes 5-8/9" },
      "asked for bytes from 0 on, was sent bytes 5-8/9",
    ],
    ["a range without a place", 206, {}, "was sent no range"],
    ["an endless answer", 200, {}, "more than 300000 bytes"],
  ])("%s", async (_, status, headers, message) => {
    await using server = await serve((request, response) => {
      response.writeHead(status, headers);
      if (status === 200 && !("content-length" in headers)) response.write(bytesOf(BYTES.length + 1));
      else response.end("<html>!!!");
      void request;
    });
    const { error } = await failure(server);
    expect(error).toMatchObject({ name: "SourceFailure", message: expect.stringContaining(message) });
  });

  it("a network that isn't there, at once", async () => {
    const start = performance.now();
    const { error } = await failure({ url: await deadAddress() });
    expect(error).toMatchObject({ name: "SourceFailure", message: expect.stringContaining("ECONNREFUSED") });
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it.each([
    ["headers", 0],
    ["bytes", 1000],
  ])("a connection that brings no %s, keeping what came", async (_, sent) => {
    await using server = await serve((request, response) => {
      if (sent > 0 && !request.headers.range) {
        response.writeHead(200, { "content-length": BYTES.length });
        response.write(BYTES.subarray(0, sent));
      }
    });
    const { error, left } = await failure(server, { stallMs: 150 });
    expect(error).toMatchObject({
      name: "SourceFailure",
      message: expect.stringContaining("no byte for 0.15 s"),
    });
    expect(left).toHaveLength(sent > 0 ? 1 : 0);
  });

  it("nothing when the caller stops it: the caller's reason comes back and the part stays", async () => {
    const stop = new AbortController();
    await using server = await serve((request, response) => {
      response.writeHead(200, { "content-length": BYTES.length });
      response.write(BYTES.subarray(0, 1000));
      void request;
    });
    const reason = new Error("Ctrl-C");
    const { error, left } = await failure(server, { signal: stop.signal, onBytes: () => stop.abort(reason) });
    expect(error).toBe(reason);
    expect(left).toHaveLength(1);
  });
});
