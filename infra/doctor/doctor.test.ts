import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { NoSuchKey, S3Client } from "@aws-sdk/client-s3";
import { ServiceQuotasClient } from "@aws-sdk/client-service-quotas";
import { ParameterNotFound, SSMClient } from "@aws-sdk/client-ssm";
import { STSClient } from "@aws-sdk/client-sts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FUNCTIONS } from "../../packages/aws/src/functions/functions.ts";
import { measure } from "../layers/content.ts";
import { writeRecord } from "../layers/record.ts";
import { writeZip } from "../layers/write-zip.ts";
import type { Clients } from "./account.ts";
import { type ExamineOptions, examine } from "./examine.ts";
import type { Finding } from "./finding.ts";

/** A sound environment, of which each test breaks one thing. AWS is answered for at the SDK's edge: no call leaves. */

let artifacts: string;
beforeEach(async () => {
  artifacts = await mkdtemp(path.join(os.tmpdir(), "kilotune-doctor-"));
  await build();
});
afterEach(() => rm(artifacts, { recursive: true, force: true }));

const HASH = "a".repeat(64);
const KEY = randomBytes(32);

/** As AES-GCM in Go's crypto/cipher seals: nonce, text, tag. */
function sealed(secrets: object): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", KEY, nonce);
  const text = Buffer.concat([cipher.update(JSON.stringify(secrets)), cipher.final()]);
  return Buffer.concat([nonce, text, cipher.getAuthTag()]);
}

const body = (secrets: object) => ({ Body: { transformToByteArray: async () => sealed(secrets) } });

type Answer = (input: Record<string, string>) => unknown;
const ANSWERS: Readonly<Record<string, Answer>> = {
  GetCallerIdentityCommand: () => ({
    Account: "123456789012",
    Arn: "arn:aws:sts::123456789012:assumed-role/deployer/jo",
  }),
  GetParameterCommand: ({ Name }) => {
    const values: Record<string, string> = {
      "/sst/bootstrap": JSON.stringify({ state: "sst-state-x" }),
      "/sst/passphrase/kilotune/jo": KEY.toString("base64"),
      "/sst/passphrase/kilotune/production": KEY.toString("base64"),
    };
    const Value = values[Name as string];
    if (Value === undefined) throw new ParameterNotFound({ $metadata: {}, message: "" });
    return { Parameter: { Value } };
  },
  GetObjectCommand: ({ Key }) => {
    if (Key?.includes("_fallback")) throw new NoSuchKey({ $metadata: {}, message: "" });
    return body({ AdminKeyHash: HASH });
  },
  GetAccountSettingsCommand: () => ({ AccountLimit: { UnreservedConcurrentExecutions: 1000 } }),
  GetServiceQuotaCommand: () => ({ Quota: { Value: 64 } }),
};

function clients(
  changed: Readonly<Record<string, Answer>> = {},
  region: string | null = "eu-central-1",
): Clients {
  const config = { region: region ?? (() => Promise.reject(new Error("Region is missing"))) };
  const all = {
    sts: new STSClient(config),
    ssm: new SSMClient(config),
    s3: new S3Client(config),
    lambda: new LambdaClient(config),
    quotas: new ServiceQuotasClient(config),
  };
  for (const client of Object.values(all) as unknown as S3Client[])
    client.middlewareStack.add(
      (_, { commandName = "" }) =>
        async ({ input }) => ({
          output: (changed[commandName] ?? ANSWERS[commandName])?.(input as never) as never,
          response: {},
        }),
      { step: "initialize" },
    );
  return all;
}

/** Small, and as the real builds write them: with an ELF header where a library would be. */
async function build(): Promise<void> {
  await mkdir(path.join(artifacts, "functions"));
  for (const name of Object.keys(FUNCTIONS))
    await writeFile(path.join(artifacts, `functions/${name}.zip`), name);
  const folder = path.join(artifacts, "layers");
  await mkdir(folder);
  const layer = async (name: string, inside: string, bytes: Buffer, architectures: ("arm64" | "x64")[]) => {
    const content = await measure([{ path: inside, source: bytes }]);
    const zip = await writeZip(content.files, path.join(folder, `${name}.zip`));
    return {
      kind: "layer" as const,
      name,
      contentSha256: content.sha256,
      unzippedBytes: content.unzippedBytes,
      architectures,
      about: name,
      zipSha256: zip.sha256,
      zipBytes: zip.sizeBytes,
    };
  };
  const library = "nodejs/node_modules/onnxruntime-node/bin/napi-v6/linux/arm64/onnxruntime_binding.node";
  const runtime = await layer("onnxruntime-arm64", library, ELF_ARM64, ["arm64"]);
  const backbone = await layer("backbone-tiny", "kilotune/backbone/manifest.json", Buffer.from("{}"), [
    "arm64",
    "x64",
  ]);
  await writeRecord(folder, [runtime, { ...backbone, backbone: TINY }]);
  const digest = (name: string) =>
    `1.dkr.ecr.x.amazonaws.com/jobs@sha256:${createHash("sha256").update(name).digest("hex")}`;
  const images = { "job-cpu": digest("cpu"), "job-gpu": digest("gpu") };
  await writeFile(path.join(artifacts, "images.json"), JSON.stringify({ images }));
}

const ELF_ARM64 = Buffer.alloc(64);
ELF_ARM64.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
ELF_ARM64.writeUInt16LE(183, 18);

const TINY = {
  id: "tiny",
  object: "backbone" as const,
  title: "Tiny",
  licence: "MIT",
  tasks: ["classify"],
  hidden_size: 8,
  max_tokens: 16,
  created: 1,
  layers: 2,
};

const look = (changed: Partial<ExamineOptions> = {}) =>
  examine({
    stage: "jo",
    artifacts,
    nodeVersion: "v24.1.0",
    environment: {},
    clients: clients(),
    ...changed,
  });

const named = (findings: readonly Finding[], name: string) =>
  findings.find((finding) => finding.name === name);

it("finds nothing missing where nothing is", async () => {
  const findings = await look();
  expect(findings.filter(({ state }) => state !== "ok")).toEqual([]);
  expect(findings.map(({ name }) => name)).toEqual([
    "node",
    "stage",
    "functions",
    "layers",
    "images",
    "region",
    "credentials",
    "secret",
    "lambda concurrency",
    "fargate",
    "fargate spot",
  ]);
});

it("asks for GPUs where the stage has them", async () => {
  const names = (await look({ stage: "production" })).map(({ name }) => name);
  expect(names.slice(-2)).toEqual(["gpu", "gpu spot"]);
});

it("asks nobody when offline", async () => {
  const findings = await look({ offline: true, clients: {} as Clients });
  expect(findings.map(({ name }) => name)).toEqual(["node", "stage", "functions", "layers", "images"]);
});

it("tells no secret, not even its hash", async () => {
  expect(JSON.stringify(await look())).not.toContain(HASH);
});

describe("on this machine", () => {
  it("an old Node", async () => {
    expect(named(await look({ nodeVersion: "v22.9.0" }), "node")).toMatchObject({
      state: "missing",
      todo: expect.stringContaining("Node 24"),
    });
  });

  it("a wrong stage, of which no more can be said", async () => {
    const findings = await look({ stage: "prod" });
    expect(findings.map(({ name }) => name)).toEqual(["node", "stage"]);
    expect(named(findings, "stage")).toMatchObject({
      state: "missing",
      todo: expect.stringContaining("--stage production"),
    });
  });

  it.each([
    ["functions/api.zip", "functions", "npm run package"],
    ["layers/layers.json", "layers", "npm run layer -- build"],
    ["layers/onnxruntime-arm64.zip", "layers", "npm run layer -- build"],
    ["images.json", "images", "npm run image -- push"],
  ])("%s that wasn't built", async (file, name, command) => {
    await rm(path.join(artifacts, file));
    expect(named(await look(), name)).toMatchObject({
      state: "missing",
      todo: expect.stringContaining(command),
    });
  });

  it("a function over its budget", async () => {
    await writeFile(path.join(artifacts, "functions/api.zip"), Buffer.alloc(5_000_001));
    expect(named(await look(), "functions")?.seen).toMatch(/api\.zip has 5\.0 MB/);
  });

  it("a layer that isn't the one that was checked", async () => {
    await writeFile(path.join(artifacts, "layers/backbone-tiny.zip"), "another");
    expect(named(await look(), "layers")).toMatchObject({
      state: "missing",
      seen: expect.stringContaining("isn't what layers.json says"),
    });
  });

  it("a layer of the wrong architecture", async () => {
    const folder = path.join(artifacts, "layers");
    const { readRecord } = await import("../layers/record.ts");
    const { layers } = await readRecord(folder);
    await writeRecord(
      folder,
      layers.map((layer) =>
        layer.name === "onnxruntime-arm64" ? { ...layer, architectures: ["x64" as const] } : layer,
      ),
    );
    expect(named(await look(), "layers")?.seen).toMatch(/expected one for arm64, saw x64/);
  });

  it("an image without a digest", async () => {
    await writeFile(
      path.join(artifacts, "images.json"),
      JSON.stringify({ images: { "job-cpu": "jobs:latest" } }),
    );
    expect(named(await look(), "images")?.seen).toContain("jobs:latest");
  });
});

describe("of the account", () => {
  const failing = (name: string) => () => {
    throw Object.assign(new Error("AWS's own words"), { name });
  };

  it("no region", async () => {
    const findings = await look({ clients: clients({}, null) });
    expect(findings.at(-1)).toMatchObject({
      name: "region",
      state: "missing",
      todo: expect.stringContaining("AWS_REGION"),
    });
  });

  it.each([
    ["CredentialsProviderError", "aws sso login"],
    ["ExpiredToken", "log in again"],
    ["RequestTimeTooSkewed", "clock"],
    ["SignatureDoesNotMatch", "clock"],
    ["InvalidClientTokenId", "doesn't know this access key"],
    ["TimeoutError", "network"],
  ])("credentials: %s", async (error, todo) => {
    const findings = await look({ clients: clients({ GetCallerIdentityCommand: failing(error) }) });
    expect(findings.at(-1)).toMatchObject({
      name: "credentials",
      state: "missing",
      todo: expect.stringContaining(todo),
    });
  });

  it("the root user", async () => {
    const Arn = "arn:aws:iam::123456789012:root";
    const findings = await look({
      clients: clients({ GetCallerIdentityCommand: () => ({ Account: "1", Arn }) }),
    });
    expect(named(findings, "credentials")?.state).toBe("warning");
  });

  const secret = async (changed: Readonly<Record<string, Answer>>) =>
    named(await look({ clients: clients(changed) }), "secret");

  it("an account that SST has never seen", async () => {
    const GetParameterCommand = () => {
      throw new ParameterNotFound({ $metadata: {}, message: "" });
    };
    expect(await secret({ GetParameterCommand })).toMatchObject({
      state: "missing",
      todo: expect.stringMatching(/kilotune admin key new.*sst secret set AdminKeyHash <hash> --stage jo/),
    });
  });

  it("a secret that isn't set", async () => {
    const GetObjectCommand: Answer = () => {
      throw new NoSuchKey({ $metadata: {}, message: "" });
    };
    const unset = { state: "missing", seen: "AdminKeyHash isn't set" };
    expect(await secret({ GetObjectCommand })).toMatchObject(unset);
    const others: Answer = ({ Key = "" }) =>
      Key.includes("_fallback") ? GetObjectCommand({}) : body({ Other: "x" });
    expect(await secret({ GetObjectCommand: others })).toMatchObject(unset);
  });

  it("the key where its hash should be, which isn't told on", async () => {
    const found = await secret({ GetObjectCommand: () => body({ AdminKeyHash: "kt_platform.secret" }) });
    expect(found?.state).toBe("missing");
    expect(JSON.stringify(found)).not.toContain("kt_platform.secret");
  });

  it("a secret that can't be read", async () => {
    expect(await secret({ GetObjectCommand: failing("AccessDenied") })).toMatchObject({
      state: "unknown",
      todo: expect.stringContaining("npx sst secret list --stage jo"),
    });
  });

  it("room for ten calls at once, as a new account has", async () => {
    const few = {
      GetAccountSettingsCommand: () => ({ AccountLimit: { UnreservedConcurrentExecutions: 10 } }),
    };
    expect(named(await look({ clients: clients(few) }), "lambda concurrency")?.state).toBe("ok");
    const findings = await look({ stage: "production", clients: clients(few) });
    expect(named(findings, "lambda concurrency")).toMatchObject({
      state: "warning",
      seen: expect.stringContaining("102 are wanted"),
    });
  });

  it("no GPU that may run", async () => {
    const none = { GetServiceQuotaCommand: () => ({ Quota: { Value: 0 } }) };
    expect(named(await look({ stage: "staging", clients: clients(none) }), "gpu")).toMatchObject({
      state: "missing",
      todo: expect.stringContaining("--quota-code L-DB2E81BA"),
    });
  });

  it("quotas that AWS doesn't tell", async () => {
    const denied = { GetServiceQuotaCommand: failing("AccessDeniedException") };
    expect(named(await look({ clients: clients(denied) }), "fargate")?.state).toBe("unknown");
  });
});
