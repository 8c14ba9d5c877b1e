import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TenantId } from "@kilotune/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Checkpoints } from "./checkpoints.ts";
import { openDatabase } from "./database.ts";
import { SqliteRecords } from "./records.ts";

const tenant = "tn-acme" as TenantId;
const clock = { now: () => new Date() };
const put = (id: string) => [{ put: { kind: "job", id }, value: {}, expect: "absent" } as const];

let folder: string;
let file: string;
let database: DatabaseSync;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-faults-"));
  file = path.join(folder, "records.sqlite");
  database = openDatabase(file);
});
afterAll(async () => {
  database.close();
  await rm(folder, { recursive: true });
});

it("says that it is busy where the log's thread has the file for longer than a write waits", async () => {
  const records = new SqliteRecords(database, clock, new Checkpoints(file));
  database.exec("PRAGMA busy_timeout = 50");
  const thread = new DatabaseSync(file);
  thread.exec("BEGIN IMMEDIATE");
  await expect(records.write(tenant, put("1"))).rejects.toMatchObject({
    code: "store_busy",
    retryable: true,
  });
  await expect(records.add(tenant, { kind: "rate", id: "1" }, { requests: 1 })).rejects.toMatchObject({
    code: "store_busy",
  });
  // Who reads doesn't wait for it.
  expect(await records.list(tenant, "job")).toEqual({ records: [], hasMore: false });
  thread.exec("COMMIT");
  thread.close();
  await records.write(tenant, put("1"));
  expect((await records.list(tenant, "job")).records).toHaveLength(1);
});

it("has written what it has written, whether or not it can tidy up afterwards", async () => {
  class Failing extends Checkpoints {
    override afterWrite(): void {
      throw new Error("no thread can be started");
    }
  }
  const records = new SqliteRecords(database, clock, new Failing(file));
  await records.write(tenant, put("2"));
  expect(await records.add(tenant, { kind: "rate", id: "2" }, { requests: 1 })).toEqual({ requests: 1 });
  expect((await records.list(tenant, "job")).records.map(({ key }) => key.id)).toEqual(["1", "2"]);
});
