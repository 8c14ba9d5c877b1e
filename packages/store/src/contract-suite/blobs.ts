import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { TenantId } from "@kilotune/contract";
import { describe, expect, it } from "vitest";
import { BAD_TENANTS, newTenant, type OpenStore, shown, storeUnderTest } from "./store-under-test.ts";

/** What every adapter of `Blobs` must do. */
export function describeBlobs(adapter: string, open: OpenStore): void {
  describe(`${adapter}: blobs`, () => {
    const store = storeUnderTest(open);

    async function bytesOf(tenant: TenantId, path: string): Promise<Buffer | undefined> {
      const blob = await store.blobs.open(tenant, path);
      if (blob === undefined) return undefined;
      const bytes = Buffer.concat(await gather(blob.chunks));
      expect(bytes.length).toBe(blob.size);
      return bytes;
    }

    async function paths(tenant: TenantId, prefix = ""): Promise<string[]> {
      return (await gather(store.blobs.list(tenant, prefix))).map(({ path }) => path);
    }

    const putText = (tenant: TenantId, path: string, text = path) =>
      store.blobs.put(tenant, path, Buffer.from(text));

    it.each([
      ["bytes", Buffer.from("hello")],
      ["no bytes", new Uint8Array()],
      ["a part of a larger buffer", new Uint8Array(100).fill(7).subarray(10, 20)],
      ["all byte values", Uint8Array.from({ length: 256 }, (_, i) => i)],
    ])("gives back %s, and their hash", async (_, bytes) => {
      const tenant = newTenant();
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      const expected = { size: bytes.length, sha256, written: true };
      expect(await store.blobs.put(tenant, "files/a.jsonl", bytes)).toEqual(expected);
      expect(await bytesOf(tenant, "files/a.jsonl")).toEqual(Buffer.from(bytes));
      expect(await gather(store.blobs.list(tenant, ""))).toEqual([
        { path: "files/a.jsonl", size: bytes.length },
      ]);
    });

    it.each([
      ["of no chunk", []],
      ["of one byte a chunk", [..."hello"]],
      ["with empty chunks", ["", "hel", "", "", "lo", ""]],
      ["of odd sizes", ["x".repeat(70_000), "y", "z".repeat(300_001)]],
    ])("takes a stream %s", async (_, chunks) => {
      const tenant = newTenant();
      const all = Buffer.from(chunks.join(""));
      const sha256 = createHash("sha256").update(all).digest("hex");
      expect(await store.blobs.put(tenant, "a", streamOf(chunks))).toEqual({
        size: all.length,
        sha256,
        written: true,
      });
      expect(await bytesOf(tenant, "a")).toEqual(all);
    });

    it("writes over what was there, unless told to keep it", async () => {
      const tenant = newTenant();
      await putText(tenant, "a", "first");
      expect(await putText(tenant, "a", "second")).toMatchObject({ size: 6, written: true });
      const kept = await store.blobs.put(tenant, "a", Buffer.from("third"), { ifAbsent: true });
      const sha256 = createHash("sha256").update("third").digest("hex");
      expect(kept).toEqual({ size: 5, sha256, written: false });
      expect(String(await bytesOf(tenant, "a"))).toBe("second");
    });

    it("lets exactly one of 10 win that write a blob unless it is there", async () => {
      const tenant = newTenant();
      const texts = Array.from({ length: 10 }, (_, i) => `${i}`.repeat(100_000));
      const written = await Promise.all(
        texts.map((text) => store.blobs.put(tenant, "prompts/a", streamOf([text]), { ifAbsent: true })),
      );
      const winners = texts.filter((_, i) => written[i]?.written);
      expect(winners).toHaveLength(1);
      expect(String(await bytesOf(tenant, "prompts/a"))).toBe(winners[0]);
      expect(await paths(tenant)).toEqual(["prompts/a"]);
    });

    it.each([0, 1000, 7_000_000])("leaves nothing of a stream that breaks after %d bytes", async (bytes) => {
      const tenant = newTenant();
      await putText(tenant, "old", "kept");
      for (const path of ["new", "old"]) {
        for (const ifAbsent of [false, true]) {
          const cause = new Error("the client hung up");
          await expect(store.blobs.put(tenant, path, breaking(bytes, cause), { ifAbsent })).rejects.toBe(
            cause,
          );
        }
      }
      expect(await bytesOf(tenant, "new")).toBeUndefined();
      expect(String(await bytesOf(tenant, "old"))).toBe("kept");
      expect(await paths(tenant)).toEqual(["old"]);
    });

    it("takes and gives 24 MB in bounded memory", { timeout: 30_000 }, async () => {
      const tenant = newTenant();
      const [megabytes, most] = [24, 17];
      const memory = memoryInUse();
      const source = megabyteStream(megabytes, (at) => {
        if (at % 8 === 7) expect(memory()).toBeLessThan(most * 2 ** 20);
      });
      const hash = createHash("sha256");
      for await (const chunk of megabyteStream(megabytes, () => {})) hash.update(chunk);
      const sha256 = hash.digest("hex");
      expect(await store.blobs.put(tenant, "big", source)).toEqual({
        size: megabytes * 2 ** 20,
        sha256,
        written: true,
      });

      const blob = await store.blobs.open(tenant, "big");
      const again = createHash("sha256");
      let read = 0;
      for await (const chunk of blob?.chunks ?? []) {
        again.update(chunk);
        if (Math.floor(read / 2 ** 23) < Math.floor((read + chunk.length) / 2 ** 23)) {
          expect(memory()).toBeLessThan(most * 2 ** 20);
        }
        read += chunk.length;
      }
      expect(again.digest("hex")).toBe(sha256);
    });

    it("lets go of a blob whose reader stops, after its first chunk or before", {
      timeout: 30_000,
    }, async () => {
      const tenant = newTenant();
      await store.blobs.put(
        tenant,
        "a",
        megabyteStream(1, () => {}),
      );
      const before = openFiles();
      // More than an HTTP client keeps connections.
      for (let round = 0; round < 60; round++) {
        const [one, other] = [await store.blobs.open(tenant, "a"), await store.blobs.open(tenant, "a")];
        for await (const chunk of one?.chunks ?? []) {
          expect(chunk.length).toBeGreaterThan(0);
          break;
        }
        await other?.chunks[Symbol.asyncIterator]().return?.();
      }
      expect(openFiles()).toBeLessThan(before + 60);
      expect((await bytesOf(tenant, "a"))?.length).toBe(2 ** 20);
    });

    it("gives a reader the blob that it opened, whatever is put or removed meanwhile", async () => {
      const tenant = newTenant();
      for (const meanwhile of [() => putText(tenant, "a", "other"), () => store.blobs.remove(tenant, "a")]) {
        await store.blobs.put(
          tenant,
          "a",
          megabyteStream(1, () => {}),
        );
        const blob = await store.blobs.open(tenant, "a");
        await meanwhile();
        const bytes = Buffer.concat(await gather(blob!.chunks));
        expect(bytes).toEqual(Buffer.concat(await gather(megabyteStream(1, () => {}))));
      }
    });

    it("lists by bytes, from any prefix", async () => {
      const tenant = newTenant();
      const all = ["-a", "0", "_z", "a-b", "a.b", "a/-", "a/b", "a/c/d", "a/c0", "a0", "ab", "b/z", "b_"];
      all.sort();
      for (const path of all.toReversed()) await putText(tenant, path);
      for (const prefix of ["", "a", "a/", "a/c", "a/c/", "a/c/d", "a/c/d/", "b", "zz", "-", "a.b"]) {
        expect(await paths(tenant, prefix)).toEqual(all.filter((path) => path.startsWith(prefix)));
      }
      for await (const _ of store.blobs.list(tenant, "")) break;
    });

    it("removes a blob, and nothing where there is none", async () => {
      const tenant = newTenant();
      for (const path of ["jobs/1/a", "jobs/1/b"]) await putText(tenant, path);
      await store.blobs.remove(tenant, "jobs/1/a");
      for (const path of ["jobs/1/a", "jobs/1", "jobs", "jobs/1/b/c", "none/such"]) {
        await store.blobs.remove(tenant, path);
        expect(await bytesOf(tenant, path)).toBeUndefined();
      }
      expect(await paths(tenant)).toEqual(["jobs/1/b"]);
    });

    it("keeps what is put where a neighbour is removed", async () => {
      const tenant = newTenant();
      for (let round = 0; round < 20; round++) {
        const mine = `jobs/x/deep/${round}`;
        await putText(tenant, "jobs/x/deep/gone");
        await Promise.all([store.blobs.remove(tenant, "jobs/x/deep/gone"), putText(tenant, mine)]);
        expect(String(await bytesOf(tenant, mine))).toBe(mine);
        await store.blobs.remove(tenant, mine);
      }
    });

    it("shows no tenant another's, and erases one alone", { timeout: 30_000 }, async () => {
      const [tenant, other] = [newTenant(), newTenant()];
      await putText(tenant, "files/a", "mine");
      await putText(other, "files/a", "theirs");
      await putText(other, "files/b", "theirs");
      expect(await paths(tenant)).toEqual(["files/a"]);
      expect(String(await bytesOf(tenant, "files/a"))).toBe("mine");
      expect(await bytesOf(tenant, "files/b")).toBeUndefined();
      await store.blobs.remove(tenant, "files/b");

      expect(await store.blobs.eraseTenant(other)).toBe(2);
      expect(await paths(other)).toEqual([]);
      expect(await bytesOf(other, "files/b")).toBeUndefined();
      expect(await store.blobs.eraseTenant(other)).toBe(0);
      expect(String(await bytesOf(tenant, "files/a"))).toBe("mine");
      await putText(other, "files/a", "again");
      expect(await paths(other)).toEqual(["files/a"]);
    });

    const refused = { name: "KilotuneError", code: "bad_store_call" };

    for (const path of BAD_PATHS) {
      it(`refuses the path ${shown(path)}`, async () => {
        const tenant = newTenant();
        await expect(store.blobs.put(tenant, path, Buffer.from("x"))).rejects.toMatchObject(refused);
        await expect(store.blobs.open(tenant, path)).rejects.toMatchObject(refused);
        await expect(store.blobs.remove(tenant, path)).rejects.toMatchObject(refused);
        expect(await paths(tenant)).toEqual([]);
      });
    }

    it.each(["/", "../", "a/../", "a//", "A", "a\u0000", "tn-a/..", "%2e"])(
      "refuses the prefix %j",
      async (prefix) => {
        await expect(paths(newTenant(), prefix)).rejects.toMatchObject(refused);
      },
    );

    for (const tenant of BAD_TENANTS) {
      it(`refuses the tenant ${shown(tenant)}`, async () => {
        await expect(putText(tenant, "a")).rejects.toMatchObject(refused);
        await expect(store.blobs.open(tenant, "a")).rejects.toMatchObject(refused);
        await expect(store.blobs.remove(tenant, "a")).rejects.toMatchObject(refused);
        await expect(paths(tenant)).rejects.toMatchObject(refused);
        await expect(store.blobs.eraseTenant(tenant)).rejects.toMatchObject(refused);
      });
    }
  });
}

/** Known fault 108: names that leave their folder. */
const BAD_PATHS = [
  ...[
    "",
    ".",
    "..",
    "../x",
    "a/..",
    "a/../b",
    "a/./b",
    "/etc",
    "a/",
    "a//b",
    "%2e%2e/x",
    "..\\x",
    "a\\b",
    "A",
    "a b",
  ],
  ...[
    "a\u0000",
    "a\n",
    "\u2024\u2024/x",
    "\uff0e\uff0e/x",
    "é",
    "c:x",
    "~",
    "a".repeat(201),
    `${"a/".repeat(256)}a`,
  ],
  ...([undefined, null, ["a"]] as unknown as string[]),
];

async function* streamOf(texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function* breaking(bytes: number, cause: Error): AsyncGenerator<Uint8Array> {
  for (let left = bytes; left > 0; left -= 100_000) yield new Uint8Array(Math.min(left, 100_000));
  throw cause;
}

/** 64 KB a chunk, no two alike. */
async function* megabyteStream(
  megabytes: number,
  onMegabyte: (at: number) => void,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < megabytes; at++) {
    onMegabyte(at);
    for (let part = 0; part < 16; part++) yield new Uint8Array(2 ** 16).fill(at * 16 + part);
  }
}

/** Bytes in buffers that are still held, beyond those held now. */
function memoryInUse(): () => number {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const held = () => {
    // Buffers are freed in the background; the second collection waits for the first one's.
    collect();
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  const before = held();
  return () => held() - before;
}

/** Files and connections of this process; where the system doesn't tell, 0. */
function openFiles(): number {
  return existsSync("/proc/self/fd") ? readdirSync("/proc/self/fd").length : 0;
}

async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
