import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { TenantId } from "@kilotune/contract";
import { afterAll, expect, it } from "vitest";
import { openLocalStore } from "./open-local-store.ts";

/** A disk of 4 MB, where the system lets us have one. */
const disk = await mkdtemp(path.join(os.tmpdir(), "kilotune-disk-"));
const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "kilotune", disk]).status === 0;
if (!mounted) console.log("skipped: a full disk, since this user can't mount a small one");

afterAll(async () => {
  if (mounted) spawnSync("umount", ["--lazy", disk]);
  await rm(disk, { recursive: true });
});

const tenant = "tn-acme" as TenantId;
const fault = { name: "KilotuneError", code: "disk_full", kind: "machine", retryable: true };

it.skipIf(!mounted)(
  "says that the disk is full, loses nothing, and goes on once there is space",
  async () => {
    const store = await openLocalStore(disk);
    const put = (id: string, bytes: number) => {
      const change = {
        put: { kind: "job", id },
        value: { text: "x".repeat(bytes) },
        expect: "absent",
      } as const;
      return store.records.write(tenant, [change]);
    };
    await put("kept", 1000);
    await store.blobs.put(tenant, "kept", Buffer.from("kept"));

    await expect(store.blobs.put(tenant, "large", new Uint8Array(8_000_000))).rejects.toMatchObject(fault);
    expect(await store.blobs.open(tenant, "large")).toBeUndefined();

    await store.blobs.put(tenant, "filler", new Uint8Array(2_500_000));
    let acknowledged = 0;
    const filling = async () => {
      for (;;) {
        await put(String(acknowledged), 100_000);
        acknowledged++;
      }
    };
    await expect(filling()).rejects.toMatchObject(fault);
    await expect(put("too-much", 200_000)).rejects.toMatchObject({
      message: "the disk that holds the store is full; nothing was written",
    });
    expect((await store.records.list(tenant, "job")).records).toHaveLength(acknowledged + 1);

    await store.blobs.remove(tenant, "filler");
    await put("after", 200_000);
    await store.close();

    const again = await openLocalStore(disk);
    const ids = (await again.records.list(tenant, "job")).records.map(({ key }) => key.id);
    expect(ids).toHaveLength(acknowledged + 2);
    expect(ids).toContain("after");
    expect((await again.blobs.open(tenant, "kept"))?.size).toBe(4);
    await again.close();
  },
);
