import { spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TenantId } from "@kilotune/contract";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MovableClock } from "../contract-suite/store-under-test.ts";
import { openLocalStore } from "./open-local-store.ts";

const PROGRAM = path.join(import.meta.dirname, "acknowledging.fixtures.ts");
const tenant = "tn-acme" as TenantId;

describe("the folder of a local store", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-folder-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const failure = async (of = folder) =>
    openLocalStore(of).then(
      () => "no failure",
      ({ name, code, kind, message, hint }) => ({
        name,
        code,
        kind,
        message: message.replace(of, "FOLDER"),
        hint,
      }),
    );

  it("is made where it isn't there, for its user alone, and is the same after a restart", async () => {
    const deep = path.join(folder, "a/b");
    for (const revision of [1, 2]) {
      await using store = await openLocalStore(deep);
      expect(statSync(deep).mode & 0o777).toBe(0o700);
      await store.records.write(tenant, [
        { put: { kind: "job", id: "1" }, value: { revision }, expect: "any" },
      ]);
      expect((await store.records.read(tenant, { kind: "job", id: "1" }))?.revision).toBe(revision);
      await store.blobs.put(tenant, `b/${revision}`, Buffer.from("x"));
    }
    expect(await readdir(path.join(deep, "tenants", tenant, "b"))).toEqual(["1", "2"]);
  });

  it("loses the empty folders of a process that was killed in a removal to the next list", async () => {
    await using store = await openLocalStore(folder);
    await mkdir(path.join(folder, "tenants", tenant, "jobs/ftjob-1/result"), { recursive: true });
    await store.blobs.put(tenant, "kept/1", Buffer.from("x"));
    for await (const { path: found } of store.blobs.list(tenant, "jobs/ftjob-1/")) expect(found).toBe("");
    expect(await readdir(path.join(folder, "tenants", tenant))).toEqual(["kept"]);
  });

  it("belongs to one store at a time, in this process too", async () => {
    const store = await openLocalStore(folder);
    expect(await failure()).toMatchInlineSnapshot(`
      {
        "code": "store_in_use",
        "hint": "Stop the other server, or choose another folder. One process at a time may use a store.",
        "kind": "usage",
        "message": "another process has the store in FOLDER open",
        "name": "KilotuneError",
      }
    `);
    await store.close();
    await (await openLocalStore(folder)).close();
  });

  it("is refused while another process has it, and free once that one was killed", async () => {
    const child = spawn(process.execPath, ["--no-warnings", PROGRAM, folder, "0"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    expect(await failure()).toMatchObject({ code: "store_in_use", kind: "usage" });
    child.kill("SIGKILL");
    await once(child, "close");
    await (await openLocalStore(folder)).close();
  });

  it("is refused where the process may not write", async () => {
    await chmod(folder, 0o555);
    const failed = await asNobody(() => failure());
    await chmod(folder, 0o755);
    expect(failed).toMatchInlineSnapshot(`
      {
        "code": "folder_not_writable",
        "hint": "Give the user that runs Kilotune the right to write there, or choose another folder.",
        "kind": "machine",
        "message": "can't write to the folder FOLDER",
        "name": "KilotuneError",
      }
    `);
    const deep = path.join(folder, "a");
    await mkdir(deep);
    await (await openLocalStore(deep)).close();
    expect(await asNobody(() => failure(deep))).toMatchObject({ code: "folder_not_writable" });
  });

  it("is refused where a file is in its place, or something else in the store's", async () => {
    const file = path.join(folder, "file");
    await writeFile(file, "x");
    expect(await failure(file)).toMatchObject({ code: "folder_not_writable" });
    await writeFile(
      path.join(folder, "records.sqlite"),
      "not a database, and long enough to be one".repeat(500),
    );
    expect(await failure()).toMatchInlineSnapshot(`
      {
        "code": "store_damaged",
        "hint": "Restore the folder from a backup, or choose another one.",
        "kind": "machine",
        "message": "FOLDER holds a damaged store, or records.sqlite there is something else",
        "name": "KilotuneError",
      }
    `);
  });

  it("is refused to a program older than the one that made it", async () => {
    await (await openLocalStore(folder)).close();
    const database = new DatabaseSync(path.join(folder, "records.sqlite"));
    database.exec("PRAGMA user_version = 2");
    database.close();
    expect(await failure()).toMatchInlineSnapshot(`
      {
        "code": "store_newer",
        "hint": "Run the Kilotune that made it, or a later one.",
        "kind": "usage",
        "message": "expected a store of version 1, saw version 2",
        "name": "KilotuneError",
      }
    `);
  });

  it("is rid of what uploads and erasures left when they were killed", async () => {
    await mkdir(path.join(folder, "temporary/erased/files"), { recursive: true });
    await writeFile(path.join(folder, "temporary/erased/files/a"), "x");
    await writeFile(path.join(folder, "temporary/upload"), "x");
    await using _store = await openLocalStore(folder);
    expect(await readdir(path.join(folder, "temporary"))).toEqual([]);
  });

  it("is left by no link that somebody put there", async () => {
    await using store = await openLocalStore(folder);
    await writeFile(path.join(folder, "secret"), "x");
    await mkdir(path.join(folder, "tenants", tenant));
    await symlink(path.join(folder, "secret"), path.join(folder, "tenants", tenant, "link"));
    expect(await store.blobs.open(tenant, "link")).toBeUndefined();
    for await (const blob of store.blobs.list(tenant, "")) expect(blob).toBeUndefined();
    await store.blobs.remove(tenant, "link");
    expect(await readFile(path.join(folder, "secret"), "utf8")).toBe("x");
  });

  it("refuses a blob in the place of a folder of blobs, and one below a blob", async () => {
    await using store = await openLocalStore(folder);
    await store.blobs.put(tenant, "a/b", Buffer.from("x"));
    for (const name of ["a", "a/b/c"]) {
      await expect(store.blobs.put(tenant, name, Buffer.from("y"))).rejects.toMatchObject({
        code: "bad_store_call",
      });
    }
    expect(await readdir(path.join(folder, "temporary"))).toEqual([]);
  });

  it("gives the space of expired records back", async () => {
    const clock = new MovableClock();
    const count = () => {
      const database = new DatabaseSync(path.join(folder, "records.sqlite"));
      const found = database.prepare("SELECT count(*) AS n FROM records").get()?.n;
      database.close();
      return found;
    };
    const store = await openLocalStore(folder, { clock });
    for (let i = 0; i < 200; i++) {
      await store.records.add(tenant, { kind: "rate", id: `${i}` }, { n: 1 }, { expiresAt: clock.in(10) });
      clock.pass(1);
    }
    await store.close();
    expect(count()).toBeLessThan(100);
    clock.pass(10);
    await (await openLocalStore(folder, { clock })).close();
    expect(count()).toBe(0);
  });

  it("keeps its log short, even while a program writes without a pause", async () => {
    await using store = await openLocalStore(folder);
    let longest = 0;
    for (let i = 0; i < 20_000; i++) {
      await store.records.add(tenant, { kind: "count", id: `${i % 50}` }, { n: 1 });
      if (i % 1000 === 0) longest = Math.max(longest, statSync(path.join(folder, "records.sqlite-wal")).size);
    }
    // 160 MB of pages went through it.
    expect(longest).toBeGreaterThan(0);
    expect(longest).toBeLessThan(120 * 2 ** 20);
    expect((await store.records.read(tenant, { kind: "count", id: "0" }))?.value).toEqual({ n: 400 });
    await store.close(); // Closed twice, that is: its thread too.
  });

  it("holds no byte of an erased tenant", async () => {
    await using store = await openLocalStore(folder);
    const other = "tn-other" as TenantId;
    for (let i = 0; i < 300; i++) {
      for (const of of [tenant, other]) {
        const value = { text: `${"secretly ".repeat(1 + (i % 40) * 30)} of ${of}` };
        await store.records.write(of, [{ put: { kind: "job", id: `${i}` }, value, expect: "absent" }]);
        if (i % 3 === 0)
          await store.records.write(of, [{ put: { kind: "job", id: `${i}` }, value: {}, expect: "any" }]);
        if (i % 5 === 0)
          await store.records.write(of, [{ remove: { kind: "job", id: `${i}` }, expect: "any" }]);
      }
    }
    await store.blobs.put(tenant, "files/a", Buffer.from(`secretly of ${tenant}`));
    await store.records.eraseTenant(tenant);
    await store.blobs.eraseTenant(tenant);
    await store.records.scrub();
    expect(await bytesOnDisk(folder)).not.toContain(tenant);
    expect((await store.records.list(other, "job", { limit: 1000 })).records).toHaveLength(240);
    await store.records.eraseTenant(other);
    await store.records.scrub();
    expect(await bytesOnDisk(folder)).not.toContain("secretly");
  });
});

/** Another process must look: closing a file that SQLite has open would drop this process's locks. */
async function bytesOnDisk(folder: string): Promise<string> {
  const child = spawn(
    "cat",
    (await readdir(folder)).filter((name) => name.startsWith("records")),
    { cwd: folder },
  );
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk as Buffer);
  const blobs = await readdir(path.join(folder, "tenants"), { recursive: true });
  return Buffer.concat(chunks).toString("latin1") + blobs.join();
}

/** Nothing is read-only to root. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
