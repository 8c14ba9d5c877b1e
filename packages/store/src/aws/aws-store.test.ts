import {
  GetItemCommand,
  TransactionCanceledException,
  TransactionConflictException,
} from "@aws-sdk/client-dynamodb";
import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  S3ServiceException,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { TenantId } from "@kilotune/contract";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { describeBlobs } from "../contract-suite/blobs.ts";
import { describeRecords } from "../contract-suite/records.ts";
import { MovableClock, newTenant } from "../contract-suite/store-under-test.ts";
import { startAws } from "./emulator.fixtures.ts";

const aws = await startAws();
afterAll(() => aws?.stop());

describe.skipIf(aws === undefined)("AWS", () => {
  const open = (aws as NonNullable<typeof aws>)?.open;
  describeRecords("DynamoDB", open, { runs: 15 });
  describeBlobs("S3", open);

  describe("what the emulator wouldn't show by itself", () => {
    const clock = new MovableClock();
    const key = { kind: "job", id: "1" };
    let store: Awaited<ReturnType<typeof open>>;
    beforeEach(async () => {
      store = await open(clock);
    });
    afterEach(() => store.cleanup());

    /** Fails so many requests of a kind, before they are sent. */
    function failing(client: "dynamo" | "s3", command: string, times: number, error: () => Error) {
      const { middlewareStack } = store[client] as typeof store.s3; // The other's has the same shape.
      let left = times;
      middlewareStack.add(
        (next, context) => async (args) => {
          if (context.commandName === command && left-- > 0) throw error();
          return next(args);
        },
        { step: "initialize" },
      );
    }

    const collided = (...codes: string[]) => {
      const CancellationReasons = codes.map((Code) => ({ Code }));
      return new TransactionCanceledException({ $metadata: {}, message: "", CancellationReasons });
    };

    it("tries again where transactions collided", async () => {
      const tenant = newTenant();
      failing("dynamo", "TransactWriteItemsCommand", 3, () => collided("None", "TransactionConflict"));
      failing(
        "dynamo",
        "UpdateItemCommand",
        3,
        () => new TransactionConflictException({ $metadata: {}, message: "" }),
      );
      await store.records.write(tenant, [
        { put: key, value: { n: 1 }, expect: "absent" },
        { check: { kind: "job", id: "2" }, expect: "absent" },
      ]);
      expect(await store.records.add(tenant, key, { n: 1 })).toEqual({ n: 2 });
      expect((await store.records.read(tenant, key))?.revision).toBe(2);
    });

    it("passes on why a transaction can't be", async () => {
      failing("dynamo", "TransactWriteItemsCommand", 1, () => collided("ValidationError"));
      const written = store.records.write(newTenant(), [{ put: key, value: {}, expect: "any" }]);
      await expect(written).rejects.toBeInstanceOf(TransactionCanceledException);
    });

    it("gives up where they collide for ever", async () => {
      failing("dynamo", "TransactWriteItemsCommand", 1000, () => collided("TransactionConflict"));
      const written = store.records.write(newTenant(), [{ put: key, value: {}, expect: "any" }]);
      await expect(written).rejects.toMatchObject({ code: "store_busy", retryable: true });
    });

    it("takes a denial for nothing being there, where its own list says so", async () => {
      const tenant = newTenant();
      await store.blobs.put(tenant, "a-longer-path", Buffer.from("x"));
      const denied = () => new S3ServiceException({ name: "AccessDenied", $fault: "client", $metadata: {} });
      failing("s3", "GetObjectCommand", 1, denied);
      expect(await store.blobs.open(tenant, "a")).toBeUndefined();
      failing("s3", "GetObjectCommand", 1, denied);
      await expect(store.blobs.open(tenant, "a-longer-path")).rejects.toMatchObject({ code: "store_denied" });
    });

    it("tells DynamoDB when a record may go, not before its time", async () => {
      const tenant = newTenant();
      const expiresAt = new Date(1_800_000_000_001);
      await store.records.write(tenant, [{ put: key, value: {}, expect: "absent", expiresAt }]);
      const Key = { pk: { S: tenant }, sk: { S: "job#1" } };
      const { Item } = await store.dynamo.send(new GetItemCommand({ TableName: store.name, Key }));
      expect(Item).toMatchObject({
        expiresAtSeconds: { N: "1800000001" },
        expiresAtMs: { N: "1800000000001" },
      });
    });

    it("erases more than a page of records", async () => {
      const tenant = newTenant();
      for (let id = 0; id < 12; id++) {
        const value = { text: "x".repeat(250_000) };
        await store.records.write(tenant, [{ put: { kind: "job", id: `${id}` }, value, expect: "absent" }]);
      }
      expect(await store.records.eraseTenant(tenant)).toBe(12);
      expect((await store.records.list(tenant, "job")).records).toEqual([]);
    });

    it("leaves no parts of a broken upload, and erases those of a killed one", async () => {
      const tenant = newTenant();
      const parts = async () =>
        (await store.s3.send(new ListMultipartUploadsCommand({ Bucket: store.name }))).Uploads ?? [];
      async function* breaking() {
        yield new Uint8Array(12_000_000);
        throw new Error("broken");
      }
      await expect(store.blobs.put(tenant, "a", breaking())).rejects.toThrow("broken");
      expect(await parts()).toEqual([]);

      const object = { Bucket: store.name, Key: `tenants/${tenant}/b` };
      const { UploadId } = await store.s3.send(new CreateMultipartUploadCommand(object));
      await store.s3.send(new UploadPartCommand({ ...object, UploadId, PartNumber: 1, Body: "secret" }));
      expect(await parts()).toHaveLength(1);
      expect(await store.blobs.eraseTenant(tenant)).toBe(0);
      expect(await parts()).toEqual([]);
    });

    it("erases more than a page of blobs", async () => {
      const tenant = newTenant();
      const numbers = Array.from({ length: 1003 }, (_, i) => i);
      while (numbers.length > 0) {
        await Promise.all(
          numbers.splice(0, 20).map((i) => store.blobs.put(tenant, `files/${i}`, Buffer.from("x"))),
        );
      }
      expect(await store.blobs.eraseTenant(tenant)).toBe(1003);
      for await (const blob of store.blobs.list(tenant, "")) expect(blob).toBeUndefined();
    });

    describe("of a bucket with versions", () => {
      const versions = async () => {
        const found = await store.s3.send(new ListObjectVersionsCommand({ Bucket: store.name }));
        return [...(found.Versions ?? []), ...(found.DeleteMarkers ?? [])].map(({ Key }) => Key);
      };
      const overwriteAndRemove = async (tenant: TenantId) => {
        for (const text of ["one", "two", "three"]) await store.blobs.put(tenant, "a", Buffer.from(text));
        await store.blobs.put(tenant, "b", Buffer.from("four"));
        await store.blobs.remove(tenant, "b");
      };
      beforeEach(async () => {
        const VersioningConfiguration = { Status: "Enabled" } as const;
        await store.s3.send(new PutBucketVersioningCommand({ Bucket: store.name, VersioningConfiguration }));
      });

      it("erases what was overwritten and removed, and counts what was seen", async () => {
        const [tenant, neighbour] = [newTenant(), newTenant()];
        await overwriteAndRemove(tenant);
        await store.blobs.put(neighbour, "a", Buffer.from("theirs"));
        expect(await versions()).toHaveLength(6);
        expect(await store.blobs.eraseTenant(tenant)).toBe(1);
        expect(await versions()).toEqual([`tenants/${neighbour}/a`]);
        expect(await store.blobs.eraseTenant(tenant)).toBe(0);
      });

      it("doesn't say that it is done where its role mayn't see versions; what is seen is gone by then", async () => {
        const tenant = newTenant();
        await overwriteAndRemove(tenant);
        const denied = () =>
          new S3ServiceException({ name: "AccessDenied", $fault: "client", $metadata: {} });
        failing("s3", "ListObjectVersionsCommand", 1, denied);
        await expect(store.blobs.eraseTenant(tenant)).rejects.toMatchObject({ code: "store_denied" });
        expect(await store.blobs.open(tenant, "a")).toBeUndefined();
        await store.blobs.eraseTenant(tenant);
        expect(await versions()).toEqual([]);
      });
    });

    it("knows of a rival's upload that S3 reports as a conflict", async () => {
      const tenant = newTenant();
      const conflict = () =>
        new S3ServiceException({ name: "ConditionalRequestConflict", $fault: "client", $metadata: {} });
      failing("s3", "PutObjectCommand", 1, conflict);
      const put = () => store.blobs.put(tenant, "a", Buffer.from("x"), { ifAbsent: true });
      await expect(put()).rejects.toMatchObject({ code: "store_busy", retryable: true });
      await put();
      failing("s3", "PutObjectCommand", 1, conflict);
      expect(await put()).toMatchObject({ size: 1, written: false });
    });
  });
});
