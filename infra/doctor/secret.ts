import { createDecipheriv } from "node:crypto";
import { GetObjectCommand, NoSuchKey, type S3Client } from "@aws-sdk/client-s3";
import { GetParameterCommand, ParameterNotFound, type SSMClient } from "@aws-sdk/client-ssm";
import { type Finding, missing, ok, unknown } from "./finding.ts";

/**
 * Whether the stage's one secret is set, and is a hash. SST keeps secrets in its bucket, encrypted with a passphrase in SSM;
 * they are read as its own sources do (sst/sst: pkg/project/provider/provider.go, aws.go), and never told. Asking SST itself
 * would make that bucket where there is none.
 */
export async function secretFinding(
  stage: string,
  { ssm, s3 }: { readonly ssm: SSMClient; readonly s3: S3Client },
): Promise<Finding> {
  try {
    const bootstrap = await parameter(ssm, "/sst/bootstrap");
    if (bootstrap === undefined) return unset(stage, "SST has never been here");
    const { state } = JSON.parse(bootstrap) as { state: string };
    // What is set for all stages counts where the stage has none of its own.
    for (const place of [stage, "_fallback"]) {
      const value = (await secrets(ssm, s3, state, place))?.AdminKeyHash;
      if (value === undefined) continue;
      if (/^[0-9a-f]{64}$/.test(value))
        return ok(NAME, `AdminKeyHash is set${place === stage ? "" : " for all stages"}`);
      return missing(NAME, "AdminKeyHash isn't a SHA-256 of 64 hex digits", todo(stage));
    }
    return unset(stage, "AdminKeyHash isn't set");
  } catch (error) {
    const seen = `it couldn't be read (${(error as Error).name})`;
    return unknown(NAME, seen, `See whether \`npx sst secret list --stage ${stage}\` has AdminKeyHash.`);
  }
}

const NAME = "secret";
const APP = "kilotune";

function unset(stage: string, seen: string): Finding {
  return missing(NAME, seen, todo(stage));
}

function todo(stage: string): string {
  return `Make a key and its hash: \`npx kilotune admin key new\`; keep the key, and set the hash: \`npx sst secret set AdminKeyHash <hash> --stage ${stage}\`.`;
}

async function secrets(
  ssm: SSMClient,
  s3: S3Client,
  Bucket: string,
  place: string,
): Promise<Record<string, string> | undefined> {
  const sealed = await object(s3, Bucket, `secret/${APP}/${place}.json`);
  if (sealed === undefined) return undefined;
  const passphrase = await parameter(ssm, `/sst/passphrase/${APP}/${place}`);
  if (passphrase === undefined) throw new Error("there is no passphrase");
  return JSON.parse(opened(sealed, Buffer.from(passphrase, "base64")).toString()) as Record<string, string>;
}

/** AES in Galois counter mode: 12 bytes of nonce, the text, 16 bytes of tag. */
function opened(sealed: Buffer, key: Buffer): Buffer {
  const cipher = createDecipheriv(
    key.length === 16 ? "aes-128-gcm" : "aes-256-gcm",
    key,
    sealed.subarray(0, 12),
  );
  cipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([cipher.update(sealed.subarray(12, -16)), cipher.final()]);
}

async function parameter(ssm: SSMClient, Name: string): Promise<string | undefined> {
  try {
    return (await ssm.send(new GetParameterCommand({ Name, WithDecryption: true }))).Parameter?.Value;
  } catch (error) {
    if (error instanceof ParameterNotFound) return undefined;
    throw error;
  }
}

async function object(s3: S3Client, Bucket: string, Key: string): Promise<Buffer | undefined> {
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  } catch (error) {
    if (error instanceof NoSuchKey) return undefined;
    throw error;
  }
}
