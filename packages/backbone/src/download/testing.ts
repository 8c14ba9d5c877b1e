import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { crc32 } from "node:zlib";
import type { BackboneFile } from "../registry/backbones.ts";

/** What the tests of this folder share: a server on 127.0.0.1, a folder that goes away, files and archives. */
export interface LocalServer extends AsyncDisposable {
  readonly url: string;
  /** "GET path range", in order. */
  readonly requests: string[];
}

export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<LocalServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.url} ${request.headers.range ?? "whole"}`);
    answer(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** Answers as a hub does, ranges included. `cutAfter` ends the connection after so many bytes. */
export function send(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  cutAfter?: number,
): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const headers = { "content-length": bytes.length - from };
  const range = { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
  response.writeHead(from > 0 ? 206 : 200, from > 0 ? { ...headers, ...range } : headers);
  if (cutAfter === undefined) response.end(bytes.subarray(from));
  else response.write(bytes.subarray(from, from + cutAfter), () => setTimeout(() => response.destroy(), 20));
}

/** An address that refuses connections: its port was free a moment ago. */
export async function deadAddress(): Promise<string> {
  await using server = await serve(() => {});
  return server.url;
}

export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-download-"));
  return { path: folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

/** Bytes that differ at every place, so that a resume at a wrong place shows. */
export function bytesOf(length: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return state & 255;
  });
}

export function fileOf(name: string, bytes: Uint8Array): BackboneFile {
  return { name, sizeBytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** A zip archive of stored members. `claimedSize` makes a header lie. */
export function zipOf(
  members: readonly { name: string; bytes: Uint8Array; claimedSize?: number }[],
): Uint8Array {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes, claimedSize = bytes.length } of members) {
    const tail = Buffer.alloc(26);
    tail.writeUInt16LE(10, 0);
    tail.writeUInt32LE(crc32(bytes), 10);
    tail.writeUInt32LE(bytes.length, 14);
    tail.writeUInt32LE(claimedSize, 18);
    tail.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from("PK\u0003\u0004"), tail, Buffer.from(name), bytes]);
    const central = Buffer.alloc(14);
    central.writeUInt32LE(offset, 10);
    directory.push(
      Buffer.concat([Buffer.from("PK\u0001\u0002\u0014\u0000"), tail, central, Buffer.from(name)]),
    );
    parts.push(local);
    offset += local.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\u0005\u0006");
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(listing.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, listing, end]);
}
