import { Readable } from "node:stream";
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  NoSuchKey,
  type ObjectIdentifier,
  paginateListObjectsV2,
  type S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { KilotuneError, type TenantId } from "@kilotune/contract";
import type { Blobs, BlobWritten } from "../ports/blobs.ts";
import { checkBlobPath, checkBlobPrefix } from "../rules/blob-path.ts";
import { measured } from "../rules/measured.ts";
import { releasing } from "../rules/releasing.ts";
import { checkTenant } from "../rules/tenant.ts";

/** Blobs as objects `tenants/<tenant>/<path>` of one bucket. */
export class S3Blobs implements Blobs {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(client: S3Client, bucket: string) {
    this.#client = client;
    this.#bucket = bucket;
  }

  async put(
    tenant: TenantId,
    path: string,
    bytes: Uint8Array | AsyncIterable<Uint8Array>,
    options: { readonly ifAbsent?: boolean } = {},
  ): Promise<BlobWritten> {
    checkBlobPath(tenant, path);
    const { chunks, result } = measured(bytes);
    const upload = new Upload({
      client: this.#client,
      params: {
        ...this.#object(tenant, path),
        Body: Readable.from(chunks, { objectMode: false }),
        ...(options.ifAbsent && { IfNoneMatch: "*" }),
      },
      // Parts lie in memory until they are sent.
      partSize: PART_BYTES,
      queueSize: 2,
    });
    try {
      await upload.done();
      return { ...result(), written: true };
    } catch (error) {
      if (options.ifAbsent && (await this.#wasThere(error, tenant, path)))
        return { ...result(), written: false };
      throw error;
    }
  }

  async open(
    tenant: TenantId,
    path: string,
  ): Promise<{ readonly size: number; readonly chunks: AsyncIterable<Uint8Array> } | undefined> {
    checkBlobPath(tenant, path);
    try {
      const found = await this.#client.send(new GetObjectCommand(this.#object(tenant, path)));
      const body = found.Body as Readable;
      const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
      return {
        size: found.ContentLength ?? 0,
        chunks: releasing(
          async () => (await chunks.next()).value,
          async () => void body.destroy(),
        ),
      };
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined;
      if (isDenied(error) && !(await this.#isListed(tenant, path))) return undefined;
      throw error;
    }
  }

  async *list(
    tenant: TenantId,
    prefix: string,
  ): AsyncIterable<{ readonly path: string; readonly size: number }> {
    checkBlobPrefix(tenant, prefix);
    const root = rootOf(tenant);
    const query = { Bucket: this.#bucket, Prefix: root + prefix };
    for await (const page of paginateListObjectsV2({ client: this.#client }, query)) {
      for (const { Key = "", Size = 0 } of page.Contents ?? [])
        yield { path: Key.slice(root.length), size: Size };
    }
  }

  async remove(tenant: TenantId, path: string): Promise<void> {
    checkBlobPath(tenant, path);
    await this.#client.send(new DeleteObjectCommand(this.#object(tenant, path)));
  }

  async eraseTenant(tenant: TenantId): Promise<number> {
    checkTenant(tenant);
    // First what is seen, and is counted: where versions can't be removed, at least that is gone.
    const erased = await this.#eraseCurrent(tenant);
    await this.#eraseVersions(tenant);
    await this.#abortUploads(tenant);
    return erased;
  }

  #object(tenant: TenantId, path: string) {
    return { Bucket: this.#bucket, Key: rootOf(tenant) + path };
  }

  /**
   * S3 says "denied" rather than "none" to a role that may list nothing but its tenant's prefix: it takes the right to list
   * without a prefix for the right to know what isn't there.
   */
  async #isListed(tenant: TenantId, path: string): Promise<boolean> {
    const { Bucket, Key } = this.#object(tenant, path);
    const { Contents = [] } = await this.#client.send(
      new ListObjectsV2Command({ Bucket, Prefix: Key, MaxKeys: 1 }),
    );
    // In byte order, the path itself comes before all that it begins.
    return Contents[0]?.Key === Key;
  }

  /** @throws KilotuneError `store_busy` another upload of the same blob came in between, and left none */
  async #wasThere(error: unknown, tenant: TenantId, path: string): Promise<boolean> {
    if (!(error instanceof S3ServiceException)) return false;
    if (error.name === "PreconditionFailed") return true;
    if (error.name !== "ConditionalRequestConflict") return false;
    const found = await this.#client
      .send(new HeadObjectCommand(this.#object(tenant, path)))
      .catch(() => undefined);
    if (found !== undefined) return true;
    throw new KilotuneError(
      "store_busy",
      "another upload of the same blob is under way",
      "Upload it again.",
      {
        kind: "machine",
        retryable: true,
        cause: error,
      },
    );
  }

  async #eraseCurrent(tenant: TenantId): Promise<number> {
    const query = { Bucket: this.#bucket, Prefix: rootOf(tenant) };
    let erased = 0;
    for await (const page of paginateListObjectsV2({ client: this.#client }, query)) {
      const keys = (page.Contents ?? []).map(({ Key }) => ({ Key }));
      await this.#removeAll(keys);
      erased += keys.length;
    }
    return erased;
  }

  /** What a bucket with versions keeps of what was overwritten or removed, now or ever, and the marks of its removal. */
  async #eraseVersions(tenant: TenantId): Promise<void> {
    const query = new ListObjectVersionsCommand({ Bucket: this.#bucket, Prefix: rootOf(tenant) });
    for (;;) {
      const found = await this.#client.send(query);
      const all = [...(found.Versions ?? []), ...(found.DeleteMarkers ?? [])];
      if (all.length === 0) return;
      await this.#removeAll(all.map(({ Key, VersionId }) => ({ Key, VersionId })));
    }
  }

  /** Parts of uploads whose process was killed; they aren't objects yet. */
  async #abortUploads(tenant: TenantId): Promise<void> {
    const query = { Bucket: this.#bucket, Prefix: rootOf(tenant) };
    for (;;) {
      const { Uploads = [] } = await this.#client.send(new ListMultipartUploadsCommand(query));
      if (Uploads.length === 0) return;
      for (const { Key, UploadId } of Uploads) {
        await this.#client.send(new AbortMultipartUploadCommand({ Bucket: this.#bucket, Key, UploadId }));
      }
    }
  }

  async #removeAll(keys: readonly Partial<ObjectIdentifier>[]): Promise<void> {
    if (keys.length === 0) return;
    const Delete = { Objects: [...keys] as ObjectIdentifier[], Quiet: true };
    const { Errors = [] } = await this.#client.send(
      new DeleteObjectsCommand({ Bucket: this.#bucket, Delete }),
    );
    const [first] = Errors;
    if (first === undefined) return;
    throw new KilotuneError(
      "erasure_failed",
      `${Errors.length} of ${keys.length} blobs weren't removed: ${first.Code}`,
      "Erase the tenant again.",
      { kind: "machine", retryable: true },
    );
  }
}

function isDenied(error: unknown): boolean {
  return error instanceof S3ServiceException && error.name === "AccessDenied";
}

/** The least that S3 takes; 10,000 of them are 50 GB. */
const PART_BYTES = 5 * 1024 * 1024;

/** With its slash: a tenant's id may begin another's. */
function rootOf(tenant: TenantId): string {
  return `tenants/${tenant}/`;
}
