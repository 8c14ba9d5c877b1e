import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import {
  LambdaClient,
  type LayerVersionsListItem,
  paginateListLayerVersions,
  PublishLayerVersionCommand,
} from "@aws-sdk/client-lambda";
import { HeadObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { isCodedError, KilotuneError } from "@kilotune/contract";
import { checkLayer } from "./check.ts";
import { DIRECT_ZIP, megabytes } from "./limits.ts";
import { type BuiltLayer, readLayers } from "./record.ts";

export interface PublishOptions {
  readonly out: string;
  /** In front of layers' names, so that stages and products don't share them. */
  readonly prefix: string;
  /** For zips that can't be sent within a call; they are put below layers/. */
  readonly bucket?: string | undefined;
  /** Largest zip that is sent within a call. */
  readonly directBytes?: number;
  readonly tell: (words: string) => void;
  readonly lambda?: LambdaClient;
  readonly s3?: S3Client;
}

export interface Published {
  readonly name: string;
  readonly contentSha256: string;
  /** Of the version. */
  readonly arn: string;
  /** false: a version of this content was there already. */
  readonly written: boolean;
}

/**
 * Makes a version of every built layer of which there isn't one with the same content. Layers for a container image are
 * passed over. Each is checked first, so that no version can be wrong for its processor.
 *
 * @throws KilotuneError `no_layers`, `aws_failed`, `bucket_needed`; what `checkLayer` throws
 */
export async function publishLayers(options: PublishOptions): Promise<Published[]> {
  const { out, prefix, tell } = options;
  const lambda = options.lambda ?? new LambdaClient({});
  const s3 = options.s3 ?? new S3Client({});
  const published: Published[] = [];
  for (const layer of await readLayers(out)) {
    if (layer.kind === "image") {
      tell(`${layer.name}: goes into a container image, not into a layer`);
      continue;
    }
    const name = prefix + layer.name;
    const { contentSha256 } = layer;
    try {
      let arn = await findVersion(lambda, name, contentSha256);
      const written = arn === undefined;
      if (arn === undefined) {
        await checkLayer(out, layer);
        tell(`${name}: sending ${megabytes(layer.zipBytes)}`);
        arn = await publish(lambda, name, layer, await contentFor(s3, layer, options));
      } else tell(`${name}: a version of this content is there: ${arn}`);
      published.push({ name, contentSha256, arn, written });
    } catch (cause) {
      if (isCodedError(cause)) throw cause;
      throw awsFailed(name, cause);
    }
  }
  return published;
}

/** Any version: going back to an older build finds the version that it had. */
async function findVersion(
  lambda: LambdaClient,
  LayerName: string,
  sha: string,
): Promise<string | undefined> {
  for await (const { LayerVersions = [] } of paginateListLayerVersions({ client: lambda }, { LayerName })) {
    const same = (version: LayerVersionsListItem) => version.Description?.startsWith(marked(sha));
    const found = LayerVersions.find(same);
    if (found?.LayerVersionArn !== undefined) return found.LayerVersionArn;
  }
  return undefined;
}

async function publish(
  lambda: LambdaClient,
  LayerName: string,
  { contentSha256, about, architectures }: BuiltLayer,
  Content: { readonly ZipFile: Uint8Array } | { readonly S3Bucket: string; readonly S3Key: string },
): Promise<string> {
  const { LayerVersionArn } = await lambda.send(
    new PublishLayerVersionCommand({
      LayerName,
      // At most 256 characters.
      Description: `${marked(contentSha256)} ${about}`.slice(0, 256),
      Content,
      CompatibleRuntimes: ["nodejs24.x"],
      CompatibleArchitectures: architectures.map((each) => (each === "x64" ? "x86_64" : "arm64")),
      LicenseInfo: "MIT",
    }),
  );
  if (LayerVersionArn === undefined) throw new Error("Lambda answered without an ARN");
  return LayerVersionArn;
}

/** How a version tells its content: Lambda keeps no tags of versions. */
function marked(sha: string): string {
  return `sha256:${sha}`;
}

async function contentFor(s3: S3Client, layer: BuiltLayer, options: PublishOptions) {
  const { out, bucket, directBytes = DIRECT_ZIP, tell } = options;
  const file = path.join(out, `${layer.name}.zip`);
  if (layer.zipBytes <= directBytes) return { ZipFile: await readFile(file) };
  if (bucket === undefined) {
    throw new KilotuneError(
      "bucket_needed",
      `expected a bucket for ${layer.name}: its zip of ${megabytes(layer.zipBytes)} is too large to be sent to Lambda directly`,
      "Give one of this region that you may write to: --bucket NAME.",
      { kind: "usage" },
    );
  }
  const S3Key = `layers/${layer.name}-${layer.zipSha256}.zip`;
  const isThere = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: S3Key })).then(
    ({ ContentLength }) => ContentLength === layer.zipBytes,
    // Whoever may put but not list is told "forbidden" of what isn't there.
    () => false,
  );
  if (!isThere) {
    tell(`${layer.name}: putting it into ${bucket}`);
    await s3.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: S3Key,
        Body: createReadStream(file),
        ContentLength: layer.zipBytes,
        ChecksumSHA256: Buffer.from(layer.zipSha256, "hex").toString("base64"),
      }),
    );
  }
  return { S3Bucket: bucket, S3Key };
}

function awsFailed(name: string, cause: unknown): KilotuneError {
  const { name: code, message } = cause as Error;
  return new KilotuneError(
    "aws_failed",
    `expected to publish ${name}, but AWS said ${code}: ${message}`,
    "Check credentials (AWS_PROFILE), region (AWS_REGION) and the rights lambda:ListLayerVersions, lambda:PublishLayerVersion, s3:PutObject; then run it again: what is published isn't sent twice.",
    { kind: "machine", cause },
  );
}
