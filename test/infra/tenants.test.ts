import { existsSync, globSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { PLATFORM } from "@kilotune/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SST_PLATFORM } from "../setup/sst-platform.ts";
import { fakeArtifacts } from "./artifacts.fixtures.ts";
import { IAM_REQUESTS, type Places, SENDS } from "./aws-calls.ts";
import { type Harvest, harvest, type Inputs } from "./harvest.ts";
import { isAllowed, list, type Statement, statementsOf } from "./iam.ts";
import { all, statementsOfRole } from "./rules.ts";

/** The rendered policies, asked about every call that the code makes. */

const ROOT = path.resolve(import.meta.dirname, "../..");

/** Names of commands that the code that runs in AWS sends. */
function sentCommands(): string[] {
  const sources = globSync(["packages/store/src/aws/**/*.ts", "packages/aws/src/**/*.ts"], { cwd: ROOT })
    .filter((file) => !/\.test\.ts$|\.fixtures\.ts$|testing/.test(file))
    .map((file) => readFileSync(path.join(ROOT, file), "utf8"));
  const names = sources.flatMap((source) =>
    [...source.matchAll(/\bnew (\w+Command|Upload)\(|\b(paginate\w+)\(/g)].map(
      ([, made, paged]) => made ?? paged,
    ),
  ) as string[];
  return [...new Set(names.flatMap((name) => SENDS[name] ?? [name]))].sort();
}

/** A call of each kind on one tenant's own, as the store makes it. */
function callsOf(tenant: string): Record<string, Inputs> {
  const Key = { pk: tenant, sk: "job#1" };
  const object = { Bucket: "b", Key: `tenants/${tenant}/files/1` };
  const listing = { Bucket: "b", Prefix: `tenants/${tenant}/` };
  return {
    GetItemCommand: { Key },
    UpdateItemCommand: { Key },
    QueryCommand: { ExpressionAttributeValues: { ":pk": tenant } },
    BatchWriteItemCommand: { RequestItems: { t: [{ DeleteRequest: { Key } }] } },
    TransactWriteItemsCommand: {
      TransactItems: [{ Update: { Key } }, { Delete: { Key } }, { ConditionCheck: { Key } }],
    },
    GetObjectCommand: object,
    HeadObjectCommand: object,
    PutObjectCommand: object,
    CreateMultipartUploadCommand: object,
    UploadPartCommand: object,
    CompleteMultipartUploadCommand: object,
    AbortMultipartUploadCommand: object,
    DeleteObjectCommand: object,
    DeleteObjectsCommand: { Delete: { Objects: [object, { ...object, VersionId: "1" }] } },
    ListObjectsV2Command: listing,
    ListObjectVersionsCommand: listing,
    ListMultipartUploadsCommand: listing,
  };
}

/** Calls that are of no tenant's data. */
const OTHERS = [
  "AssumeRoleCommand",
  "InvokeCommand",
  "StartExecutionCommand",
  "DescribeExecutionCommand",
  "StopExecutionCommand",
];

describe.skipIf(!existsSync(SST_PLATFORM))("tenants in AWS", () => {
  const artifacts = fakeArtifacts();
  afterAll(() => rm(artifacts, { recursive: true, force: true }));
  let stack: Harvest;
  let places: Places;
  let tenantRole: Statement[];
  beforeAll(async () => {
    stack = await harvest({
      stage: "production",
      secrets: { AdminKeyHash: "a".repeat(64) },
      environment: { KILOTUNE_ARTIFACTS: artifacts },
    });
    const [table] = all(stack, "aws:dynamodb/table:Table");
    const [bucket] = all(stack, "aws:s3/bucket:Bucket");
    places = {
      table: `arn:aws:dynamodb:us-east-1:123456789012:table/${table?.inputs.name}`,
      bucket: `arn:aws:s3:::${bucket?.inputs.bucket}`,
    };
    tenantRole = statementsOfRole(stack, "tenant");
  });

  const may = (statements: readonly Statement[], command: string, input: Inputs, tag?: string) =>
    (IAM_REQUESTS[command] as NonNullable<(typeof IAM_REQUESTS)[string]>)(input, places).map((request) =>
      isAllowed(statements, {
        ...request,
        context: { ...request.context, ...(tag !== undefined && { "aws:PrincipalTag/tenant": tag }) },
      }),
    );

  it("every call that the code makes is known here", () => {
    const known = [...Object.keys(callsOf("tn-a")), ...OTHERS];
    expect(sentCommands().filter((name) => !known.includes(name))).toEqual([]);
    expect(known.filter((name) => !sentCommands().includes(name))).toEqual([]);
  });

  // An id that begins another's, and that of the platform.
  const TENANTS = ["tn-aaaaaaaaaaaaaaaa", "tn-aaaaaaaaaaaaaaaab", "tn-bbbbbbbbbbbbbbbb", PLATFORM];

  it.each(Object.keys(callsOf("tn-a")))(
    "%s: a tenant's session reaches its own, and nobody else's",
    (command) => {
      for (const session of TENANTS.filter((tenant) => tenant !== PLATFORM))
        for (const owner of TENANTS) {
          const answers = may(tenantRole, command, callsOf(owner)[command] as Inputs, session);
          expect(
            answers.every((answer) => answer === (session === owner)),
            `${session} on ${owner}`,
          ).toBe(true);
        }
    },
  );

  it.each(Object.keys(callsOf("tn-a")))("%s: a session without a tenant reaches nothing", (command) => {
    for (const owner of TENANTS)
      expect(may(tenantRole, command, callsOf(owner)[command] as Inputs)).not.toContain(true);
  });

  it.each([
    ["the whole bucket", "ListObjectsV2Command", {}],
    ["the bucket's root", "ListObjectsV2Command", { Prefix: "" }],
    ["all tenants", "ListObjectsV2Command", { Prefix: "tenants/" }],
    ["all whose ids begin so", "ListObjectsV2Command", { Prefix: "tenants/tn-aaaaaaaaaaaaaaaa" }],
    ["what lies beside tenants", "GetObjectCommand", { Key: "layers/x.zip" }],
    ["a way around the prefix", "GetObjectCommand", { Key: "tenants/tn-aaaaaaaaaaaaaaaab/../x" }],
    [
      "two tenants at once",
      "BatchWriteItemCommand",
      {
        RequestItems: {
          t: ["tn-aaaaaaaaaaaaaaaa", "tn-bbbbbbbbbbbbbbbb"].map((pk) => ({ DeleteRequest: { Key: { pk } } })),
        },
      },
    ],
  ])("a tenant's session doesn't reach %s", (_, command, input) => {
    expect(may(tenantRole, command, input, "tn-aaaaaaaaaaaaaaaa")).toEqual([false]);
  });

  it("a session without leading keys, as a scan has, reaches nothing", () => {
    for (const action of ["dynamodb:Query", "dynamodb:Scan", "dynamodb:GetItem"])
      expect(
        isAllowed(tenantRole, {
          action,
          resource: places.table,
          context: { "aws:PrincipalTag/tenant": "tn-aaaaaaaaaaaaaaaa" },
        }),
      ).toBe(false);
  });

  describe("the tenant role", () => {
    const assume = (tags: readonly (readonly [string, string])[]) => {
      const role = stack.resources.find(({ name }) => name === "TenantRole");
      // Of a trust policy the resource is the role itself.
      const statements = statementsOf(role?.inputs.assumeRolePolicy).map((statement) => ({
        ...statement,
        Resource: "*",
      }));
      return may(statements, "AssumeRoleCommand", {
        RoleArn: "arn:aws:iam::123456789012:role/kilotune-production-tenant",
        Tags: tags.map(([Key, Value]) => ({ Key, Value })),
      });
    };

    it("is taken on for a tenant, by its tag and no other", () => {
      expect(assume([["tenant", "tn-aaaaaaaaaaaaaaaa"]])).toEqual([true, true]);
      for (const tags of [
        [],
        [["tenant", PLATFORM]],
        [["tenant", "*"]],
        [["other", "tn-aaaaaaaaaaaaaaaa"]],
        [
          ["tenant", "tn-aaaaaaaaaaaaaaaa"],
          ["admin", "yes"],
        ],
      ] as const)
        expect(assume(tags), JSON.stringify(tags)).toEqual([false, false]);
    });
  });

  describe("of each function", () => {
    const ROLES = [
      "api",
      "infer",
      "validate",
      "evaluate",
      "publish",
      "notify",
      "fail",
      "batch",
      "housekeeping",
      "job",
    ];
    const executions = (machine: string) =>
      `arn:aws:states:us-east-1:123456789012:execution:kilotune-production-${machine}:ftjob-1`;
    const role = (RoleArn: string) => ({ RoleArn, Tags: [{ Key: "tenant", Value: "tn-a" }] });
    const TENANT_ROLE = "arn:aws:iam::123456789012:role/kilotune-production-tenant";

    it.each(ROLES)("%s as itself reaches no tenant's data", (name) => {
      const statements = statementsOfRole(stack, name);
      for (const owner of TENANTS.filter((tenant) => tenant !== PLATFORM))
        for (const [command, input] of Object.entries(callsOf(owner)))
          expect(may(statements, command, input), command).not.toContain(true);
      expect(may(statements, "AssumeRoleCommand", role(TENANT_ROLE))).toEqual([true, true]);
      expect(
        may(statements, "AssumeRoleCommand", role(TENANT_ROLE.replace("-tenant", "-api"))),
      ).not.toContain(true);
    });

    it.each(ROLES)("%s may do what it does, and no more", (name) => {
      const statements = statementsOfRole(stack, name);
      const allowed = {
        platform: may(statements, "UpdateItemCommand", callsOf(PLATFORM).UpdateItemCommand as Inputs)[0],
        infer: may(statements, "InvokeCommand", {
          FunctionName: "kilotune-production-infer-minilm-l6:live",
        })[0],
        otherFunction: may(statements, "InvokeCommand", { FunctionName: "kilotune-production-fail" })[0],
        start: may(statements, "StartExecutionCommand", {
          stateMachineArn: "arn:aws:states:us-east-1:123456789012:stateMachine:kilotune-production-jobs",
        })[0],
        steer: ["jobs", "batches"].map(
          (machine) => may(statements, "StopExecutionCommand", { executionArn: executions(machine) })[0],
        ),
        otherStage: may(statements, "StartExecutionCommand", {
          stateMachineArn: "arn:aws:states:us-east-1:123456789012:stateMachine:kilotune-staging-jobs",
        })[0],
      };
      const isInfer = name === "infer";
      const steers = ["api", "notify", "housekeeping"].includes(name);
      expect(allowed).toEqual({
        platform: !isInfer,
        infer: name === "api" || name === "batch",
        otherFunction: false,
        start: steers,
        steer: [steers, steers],
        otherStage: false,
      });
    });

    it("nothing is granted that no call needs", () => {
      const needed = new Set([
        ...Object.entries({
          ...callsOf("tn-a"),
          AssumeRoleCommand: role(TENANT_ROLE),
          InvokeCommand: { FunctionName: "f" },
          StartExecutionCommand: { stateMachineArn: "a" },
          DescribeExecutionCommand: { executionArn: "a" },
          StopExecutionCommand: { executionArn: "a" },
        }).flatMap(([command, input]) => IAM_REQUESTS[command]?.(input, places).map(({ action }) => action)),
        // Of AWS's own doing: encryption at rest, logs, traces, dead letters.
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "sqs:SendMessage",
      ]);
      for (const name of [...ROLES, "tenant"]) {
        const granted = statementsOfRole(stack, name).flatMap(({ Action }) => list(Action));
        expect(granted.length, name).toBeGreaterThan(0);
        expect(
          granted.filter((action) => !needed.has(action)),
          name,
        ).toEqual([]);
      }
    });

    it("the key serves S3 and DynamoDB, and nobody who calls it himself", () => {
      const decrypt = (service?: string) =>
        isAllowed(tenantRole, {
          action: "kms:Decrypt",
          resource: "arn:aws:kms:us-east-1:123456789012:key/Key",
          context: {
            "aws:PrincipalTag/tenant": "tn-a",
            ...(service !== undefined && { "kms:ViaService": `${service}.us-east-1.amazonaws.com` }),
          },
        });
      expect([decrypt("s3"), decrypt("dynamodb"), decrypt("ssm"), decrypt()]).toEqual([
        true,
        true,
        false,
        false,
      ]);
    });
  });
});
