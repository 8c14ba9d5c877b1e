import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type { TenantId } from "@kilotune/contract";
import type { Blobs } from "../ports/blobs.ts";
import type { Clock } from "../ports/clock.ts";
import type { Records } from "../ports/records.ts";
import { withStoreErrors } from "./aws-error.ts";
import { S3Blobs } from "./blobs.ts";
import { DynamoRecords } from "./records.ts";
import type { AwsClients, ClientsOf } from "./tenant-clients.ts";

export interface AwsStore extends AsyncDisposable {
  readonly records: Records;
  readonly blobs: Blobs;
  close(): Promise<void>;
}

/**
 * A store in one table of DynamoDB (keys `pk` and `sk`, texts; time to live in `expiresAtSeconds`) and one bucket of S3,
 * both there already. Clients that are given aren't closed.
 *
 * @param options.clientsOf where tenants have clients of their own, see `tenantClients`
 */
export function openAwsStore(options: {
  readonly table: string;
  readonly bucket: string;
  readonly dynamo?: DynamoDBClient;
  readonly s3?: S3Client;
  readonly clientsOf?: ClientsOf;
  readonly clock?: Clock;
}): AwsStore {
  const { table, bucket, clock = { now: () => new Date() } } = options;
  const dynamo = options.dynamo ?? new DynamoDBClient({});
  const s3 = options.s3 ?? new S3Client({});
  const { clientsOf = () => ({ dynamo, s3 }) } = options;
  const close = async () => {
    if (dynamo !== options.dynamo) dynamo.destroy();
    if (s3 !== options.s3) s3.destroy();
  };
  const recordsOf = perClient(
    clientsOf,
    (clients) => new DynamoRecords(DynamoDBDocumentClient.from(clients.dynamo), table, clock),
  );
  const blobsOf = perClient(clientsOf, (clients) => new S3Blobs(clients.s3, bucket));
  return {
    records: withStoreErrors<Records>({
      read: (tenant, ...rest) => recordsOf(tenant).read(tenant, ...rest),
      list: (tenant, ...rest) => recordsOf(tenant).list(tenant, ...rest),
      write: (tenant, ...rest) => recordsOf(tenant).write(tenant, ...rest),
      add: (tenant, ...rest) => recordsOf(tenant).add(tenant, ...rest),
      eraseTenant: (tenant) => recordsOf(tenant).eraseTenant(tenant),
      scrub: async () => {},
    }),
    blobs: withStoreErrors<Blobs>({
      put: (tenant, ...rest) => blobsOf(tenant).put(tenant, ...rest),
      open: (tenant, ...rest) => blobsOf(tenant).open(tenant, ...rest),
      list: (tenant, ...rest) => blobsOf(tenant).list(tenant, ...rest),
      remove: (tenant, ...rest) => blobsOf(tenant).remove(tenant, ...rest),
      eraseTenant: (tenant) => blobsOf(tenant).eraseTenant(tenant),
    }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** What stands on a tenant's clients, made once for as long as these are kept. */
function perClient<T>(clientsOf: ClientsOf, make: (clients: AwsClients) => T): (tenant: TenantId) => T {
  const made = new WeakMap<object, T>();
  return (tenant) => {
    const clients = clientsOf(tenant);
    const standing = made.get(clients.dynamo) ?? make(clients);
    made.set(clients.dynamo, standing);
    return standing;
  };
}
