import {
  CopyObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  type ObjectVersion,
  type S3Client,
} from "@aws-sdk/client-s3";

export interface RestoredBlobs {
  /** Objects that were another then, or aren't there now. */
  readonly restored: readonly string[];
  readonly unchanged: number;
  /** Made since; they are left. */
  readonly newer: number;
}

/**
 * Puts back what lay under a prefix of a versioned bucket at a moment: where an object was overwritten or removed since, a
 * copy of its version of then becomes the current one. Nothing is removed, so it can be undone, and done again.
 */
export async function restoreBlobs(options: {
  readonly s3: S3Client;
  readonly bucket: string;
  readonly prefix: string;
  readonly at: Date;
  /** Looks, and copies nothing. */
  readonly dryRun?: boolean;
}): Promise<RestoredBlobs> {
  const { s3, bucket: Bucket, prefix: Prefix, at, dryRun = false } = options;
  const restored: string[] = [];
  let [unchanged, newer] = [0, 0];
  for await (const versions of byKey(s3, Bucket, Prefix)) {
    const [current] = versions as [Version];
    const then = versions.find(({ madeAt }) => madeAt <= at.getTime());
    if (then === undefined || then.isRemoval) {
      if (!current.isRemoval) newer++;
    } else if (then === current) unchanged++;
    else {
      const { key: Key, id } = then;
      if (!dryRun) {
        const CopySource = `${Bucket}/${encodeURIComponent(Key)}?versionId=${id}`;
        await s3.send(new CopyObjectCommand({ Bucket, Key, CopySource }));
      }
      restored.push(Key);
    }
  }
  return { restored, unchanged, newer };
}

interface Version {
  readonly key: string;
  readonly id: string;
  readonly madeAt: number;
  readonly isCurrent: boolean;
  /** A delete marker. */
  readonly isRemoval: boolean;
}

/** All versions of one object, the newest first. S3 lists by key, and removals beside the rest. */
async function* byKey(s3: S3Client, Bucket: string, Prefix: string): AsyncGenerator<Version[]> {
  let group: Version[] = [];
  for await (const page of pages(s3, Bucket, Prefix)) {
    const versions = [
      ...(page.Versions ?? []).map((version) => versionOf(version, false)),
      ...(page.DeleteMarkers ?? []).map((marker) => versionOf(marker, true)),
    ].sort(
      (a, b) => compare(a.key, b.key) || Number(b.isCurrent) - Number(a.isCurrent) || b.madeAt - a.madeAt,
    );
    for (const version of versions) {
      if (group[0] !== undefined && group[0].key !== version.key) {
        yield group;
        group = [];
      }
      group.push(version);
    }
  }
  if (group.length > 0) yield group;
}

/** The SDK has no paginator for them. */
async function* pages(s3: S3Client, Bucket: string, Prefix: string) {
  let markers: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } | undefined = {};
  while (markers !== undefined) {
    const page: ListObjectVersionsCommandOutput = await s3.send(
      new ListObjectVersionsCommand({ Bucket, Prefix, ...markers }),
    );
    yield page;
    markers = page.IsTruncated
      ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
      : undefined;
  }
}

function versionOf(
  { Key = "", VersionId = "", LastModified, IsLatest = false }: ObjectVersion,
  isRemoval: boolean,
): Version {
  return { key: Key, id: VersionId, madeAt: LastModified?.getTime() ?? 0, isCurrent: IsLatest, isRemoval };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
