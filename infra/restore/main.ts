import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { KilotuneError } from "@kilotune/contract";
import { openAwsStore } from "@kilotune/store/aws";
import { type CommandLine, type Given, runCommand } from "../command.ts";
import { restoreBlobs } from "./blobs.ts";
import { checkBlobs, takenBackSince } from "./check.ts";

const TABLE = { value: "NAME", about: "Of the table" } as const;
const BUCKET = { value: "NAME", about: "Of the bucket" } as const;
const AT = { value: "TIME", about: "The moment to go back to, e.g. 2026-11-25T10:00:00Z" } as const;

/** Steps of docs/disaster-recovery.md that AWS's own commands don't do. */
export const RESTORE: CommandLine = {
  name: "npm run restore --",
  about: "After a disaster: see docs/disaster-recovery.md. Credentials and region as the AWS SDK finds them.",
  actions: {
    blobs: {
      about: "Put back what the bucket had at a moment; nothing is removed",
      flags: {
        bucket: BUCKET,
        at: AT,
        tenant: { value: "ID", about: "Of one tenant alone (default all)" },
        "dry-run": { about: "Look, and change nothing" },
      },
      async run(given) {
        const tenant = given.text("tenant");
        const s3 = new S3Client(endpointConfig());
        const result = await restoreBlobs({
          s3,
          bucket: needed(given, "bucket"),
          prefix: tenant === undefined ? "tenants/" : `tenants/${tenant}/`,
          at: moment(given),
          dryRun: given.has("dry-run"),
        });
        const { restored, unchanged, newer } = result;
        const words = [
          `${restored.length} put back, ${unchanged} as they were, ${newer} made since (left as they are)`,
        ];
        return { result, words };
      },
    },
    check: {
      about: "Compare the bucket with what the table says it has",
      flags: { table: TABLE, bucket: BUCKET },
      async run(given) {
        await using store = openAwsStore({
          table: needed(given, "table"),
          bucket: needed(given, "bucket"),
          s3: new S3Client(endpointConfig()),
        });
        const result = await checkBlobs(store);
        const words = [
          `${result.blobs} files and prompts of ${result.tenants} tenants, ${result.missing.length} missing`,
          ...result.missing.map(({ tenant, path }) => `  ${tenant} ${path}`),
        ];
        return { result, words };
      },
    },
    since: {
      about: "List what the old table says was taken back since: tenants erased, keys revoked",
      flags: { table: TABLE, at: AT },
      async run(given) {
        await using store = openAwsStore({
          table: needed(given, "table"),
          bucket: "none",
          dynamo: new DynamoDBClient({}),
        });
        const result = await takenBackSince(store.records, moment(given));
        const words = [
          ...result.erasedTenants.map((tenant) => `erase again: ${tenant}`),
          ...result.revokedKeys.map((key) => `revoke again: ${key}`),
        ];
        return { result, words: words.length > 0 ? words : ["nothing"] };
      },
    },
  },
};

/** An emulator knows no names of buckets in front of its own. */
function endpointConfig() {
  return process.env.AWS_ENDPOINT_URL === undefined ? {} : { forcePathStyle: true };
}

function needed(given: Given, flag: string): string {
  const value = given.text(flag);
  if (value !== undefined) return value;
  throw new KilotuneError("usage", `--${flag}: expected a value, saw none.`, "See --help.", {
    kind: "usage",
  });
}

function moment(given: Given): Date {
  const text = needed(given, "at");
  const at = new Date(text);
  // A date alone, or a time without its zone, means another moment on another machine.
  if (/T.*(Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(at.getTime())) return at;
  throw new KilotuneError(
    "usage",
    `--at: expected a moment with its zone, saw ${JSON.stringify(text)}.`,
    "Write it as 2026-11-25T10:00:00Z.",
    { kind: "usage" },
  );
}

if (import.meta.main) process.exitCode = await runCommand(RESTORE, process.argv.slice(2));
