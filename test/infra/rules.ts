import type { Harvest, Inputs, Resource } from "./harvest.ts";
import { list, type Statement, statementsOf } from "./iam.ts";
import { accessRules } from "./rules-access.ts";
import { computeRules } from "./rules-compute.ts";
import { dataRules } from "./rules-data.ts";
import { docsRules } from "./rules-docs.ts";
import { watchRules } from "./rules-watch.ts";

/** What a stack was asked to be. */
export interface Asked {
  readonly shape: "personal" | "staging" | "production";
}

/** What is wrong with a stack, in words, each with the name of what it is wrong with; nothing where nothing is. */
export type Rule = (stack: Harvest, asked: Asked) => string[];

export const RULES: Readonly<Record<string, Rule>> = {
  ...dataRules,
  ...accessRules,
  ...computeRules,
  ...watchRules,
  ...docsRules,

  "every kind of resource is looked at": ({ resources }) =>
    [...new Set(resources.map(({ type }) => type))]
      .filter((type) => type.startsWith("aws:") && !LOOKED_AT.has(type))
      .map((type) => `${type}: no rule knows it`),

  "names are ours, unique, and short enough": ({ resources }) => {
    const seen = new Set<string>();
    return resources.flatMap(({ type, name, inputs }) => {
      const key = `${type} ${name}`;
      const twice = seen.has(key) ? [`${key}: made twice`] : [];
      seen.add(key);
      const physical: unknown = inputs.name;
      return typeof physical === "string" && physical.length > 64 ? [...twice, `${key}: ${physical}`] : twice;
    });
  },

  "everything is tagged with its app and stage": ({ app }) => {
    const tags = (app.providers?.aws?.defaultTags?.tags ?? {}) as Inputs;
    return ["app", "stage", "shape"].filter((tag) => !tags[tag]).map((tag) => `the tag ${tag}`);
  },
};

export function all({ resources }: Harvest, type: string): Resource[] {
  return resources.filter((resource) => resource.type === type);
}

/** Policies of roles, whether they stand in the role or beside it. */
export function grants(stack: Harvest): { readonly owner: string; readonly statement: Statement }[] {
  return [
    ...all(stack, "aws:iam/rolePolicy:RolePolicy").map(({ name, inputs }) => [name, inputs.policy] as const),
    ...all(stack, "aws:iam/policy:Policy").map(({ name, inputs }) => [name, inputs.policy] as const),
    ...all(stack, "aws:iam/role:Role").flatMap(({ name, inputs }) =>
      list(inputs.inlinePolicies as Inputs | Inputs[] | undefined).map(
        ({ policy }) => [name, policy] as const,
      ),
    ),
  ].flatMap(([owner, policy]) => statementsOf(policy).map((statement) => ({ owner, statement })));
}

/** The statements of one role. */
export function statementsOfRole(stack: Harvest, owner: string): Statement[] {
  return grants(stack)
    .filter((grant) => grant.owner === `Policy-${owner}`)
    .map(({ statement }) => statement);
}

/** By type. One that isn't here fails a rule, until somebody has asked what could be wrong with it. */
const LOOKED_AT = new Set([
  "aws:kms/key:Key",
  "aws:kms/alias:Alias",
  "aws:dynamodb/table:Table",
  "aws:s3/bucket:Bucket",
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
  "aws:s3/bucketVersioning:BucketVersioning",
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
  "aws:s3/bucketPolicy:BucketPolicy",
  "aws:s3/bucketObjectv2:BucketObjectv2",
  "aws:iam/role:Role",
  "aws:iam/rolePolicy:RolePolicy",
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
  "aws:iam/instanceProfile:InstanceProfile",
  "aws:lambda/layerVersion:LayerVersion",
  "aws:lambda/function:Function",
  "aws:lambda/alias:Alias",
  "aws:lambda/functionUrl:FunctionUrl",
  "aws:lambda/permission:Permission",
  "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
  "aws:cloudwatch/logGroup:LogGroup",
  "aws:cloudwatch/logMetricFilter:LogMetricFilter",
  "aws:cloudwatch/metricAlarm:MetricAlarm",
  "aws:cloudwatch/dashboard:Dashboard",
  "aws:cloudwatch/eventRule:EventRule",
  "aws:cloudwatch/eventTarget:EventTarget",
  "aws:scheduler/schedule:Schedule",
  "aws:sqs/queue:Queue",
  "aws:sqs/queuePolicy:QueuePolicy",
  "aws:sns/topic:Topic",
  "aws:sns/topicPolicy:TopicPolicy",
  "aws:sfn/stateMachine:StateMachine",
  "aws:batch/schedulingPolicy:SchedulingPolicy",
  "aws:batch/computeEnvironment:ComputeEnvironment",
  "aws:batch/jobQueue:JobQueue",
  "aws:batch/jobDefinition:JobDefinition",
  "aws:ec2/launchTemplate:LaunchTemplate",
  "aws:ec2/vpc:Vpc",
  "aws:ec2/subnet:Subnet",
  "aws:ec2/routeTable:RouteTable",
  "aws:ec2/routeTableAssociation:RouteTableAssociation",
  "aws:ec2/route:Route",
  "aws:ec2/internetGateway:InternetGateway",
  "aws:ec2/vpcEndpoint:VpcEndpoint",
  "aws:ec2/securityGroup:SecurityGroup",
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
]);
