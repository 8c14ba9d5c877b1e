import { type AttributeValue, type DynamoDBClient, paginateScan } from "@aws-sdk/client-dynamodb";
import {
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  type S3Client,
} from "@aws-sdk/client-s3";

/** A table and a bucket of one name, past the store. */
export interface Place {
  readonly name: string;
  readonly dynamo: DynamoDBClient;
  readonly s3: S3Client;
}

/**
 * Which of the words is anywhere in the table or the bucket: in an item, expired or not, in a version of an object, its
 * name and what S3 keeps with it, in the name of an upload that was begun. Each place begins with `table` or `bucket`.
 */
export async function scanAws(place: Place, words: readonly (string | Uint8Array)[]): Promise<string[]> {
  const found: string[] = [];
  for await (const [name, bytes] of everything(place))
    if (words.some((word) => bytes.includes(Buffer.from(word)))) found.push(name);
  return found;
}

/** Names of items and of objects, versions, marks and uploads that are a tenant's. */
export async function placesOf(place: Place, tenant: string): Promise<string[]> {
  const names: string[] = [];
  for await (const [name] of everything(place)) names.push(name);
  return names.filter(
    (name) => /^(table|bucket tenants\/|upload tenants\/)/.test(name) && owned(name, tenant),
  );
}

function owned(name: string, tenant: string): boolean {
  return name.startsWith(`table ${tenant} `) || name.includes(` tenants/${tenant}/`);
}

async function* everything({ name, dynamo, s3 }: Place): AsyncGenerator<[name: string, bytes: Buffer]> {
  for await (const { Items = [] } of paginateScan(
    { client: dynamo },
    { TableName: name, ConsistentRead: true },
  ))
    for (const item of Items)
      yield [`table ${item.pk?.S} ${item.sk?.S}`, Buffer.concat([...bytesOf({ M: item })])];
  let next: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {};
  while (next !== undefined) {
    const page: ListObjectVersionsCommandOutput = await s3.send(
      new ListObjectVersionsCommand({ Bucket: name, ...next }),
    );
    for (const { Key, VersionId } of page.Versions ?? []) {
      const object = await s3.send(new GetObjectCommand({ Bucket: name, Key, VersionId }));
      const { Body, $metadata: _, ...kept } = object;
      const body = (await Body?.transformToByteArray()) ?? new Uint8Array();
      yield [`bucket ${Key}`, Buffer.concat([Buffer.from(`${Key} ${JSON.stringify(kept)} `), body])];
    }
    for (const { Key = "" } of page.DeleteMarkers ?? []) yield [`bucket ${Key}`, Buffer.from(Key)];
    const { NextKeyMarker, NextVersionIdMarker } = page;
    next =
      NextKeyMarker === undefined
        ? undefined
        : { KeyMarker: NextKeyMarker, ...(NextVersionIdMarker && { VersionIdMarker: NextVersionIdMarker }) };
  }
  const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: name }));
  for (const { Key = "" } of Uploads) yield [`upload ${Key}`, Buffer.from(Key)];
}

/** Texts as they are, so that no quoting hides a word. */
function* bytesOf(value: AttributeValue): Generator<Uint8Array> {
  if (value.B !== undefined) yield value.B;
  for (const text of [value.S, value.N, ...(value.SS ?? []), ...(value.NS ?? [])])
    if (text !== undefined) yield Buffer.from(`${text} `);
  for (const bytes of value.BS ?? []) yield bytes;
  for (const each of value.L ?? []) yield* bytesOf(each);
  for (const [name, each] of Object.entries(value.M ?? {})) {
    yield Buffer.from(`${name} `);
    yield* bytesOf(each);
  }
}
