import { list, type Statement, statementsOf } from "./iam.ts";
import { all, grants, type Rule } from "./rules.ts";

/** Who may do what, and who may come in. */
export const accessRules: Readonly<Record<string, Rule>> = {
  "no grant is wider than it says": (stack) =>
    grants(stack).flatMap(({ owner, statement }) => {
      const actions = list(statement.Action);
      const everything = list(statement.Resource).some(
        (resource) => resource === "*" || !resource.startsWith("arn:"),
      );
      return [
        ...("NotAction" in statement || "NotResource" in statement
          ? [`${owner}: what isn't named is allowed`]
          : []),
        ...actions.filter((action) => action.includes("*")).map((action) => `${owner}: ${action}`),
        ...actions
          .filter((action) => everything && !NO_RESOURCE.has(action))
          .map((action) => `${owner}: ${action} on everything`),
      ];
    }),

  "roles are taken on by the one who needs them": (stack) =>
    all(stack, "aws:iam/role:Role").flatMap(({ name, inputs }) =>
      statementsOf(inputs.assumeRolePolicy).flatMap(({ Principal, Condition }) => {
        if (Principal === undefined || Principal === "*") return [`${name}: anybody`];
        const aws = list(Principal.AWS);
        const isTagged =
          Condition?.StringLike?.["aws:RequestTag/tenant"] !== undefined &&
          Condition.StringNotEquals?.["aws:RequestTag/tenant"] !== undefined;
        return [
          ...aws.filter((arn) => !/:role\/[\w-]+$/.test(arn)).map((arn) => `${name}: ${arn}`),
          ...(aws.length > 0 && !isTagged ? [`${name}: taken on for nobody in particular`] : []),
          ...Object.keys(Principal)
            .filter((kind) => kind !== "AWS" && kind !== "Service")
            .map((kind) => `${name}: ${kind}`),
        ];
      }),
    ),

  "every role has a policy, and nobody else's": (stack) => [
    ...all(stack, "aws:iam/role:Role")
      .filter(({ inputs }) => list(inputs.managedPolicyArns).length > 0)
      .map(({ name }) => `${name}: managed policies`),
    ...all(stack, "aws:iam/rolePolicyAttachment:RolePolicyAttachment")
      .filter(({ inputs }) => !MANAGED.has(inputs.policyArn))
      .map(({ name, inputs }) => `${name}: ${inputs.policyArn}`),
  ],

  "the key is used by those who hold a grant for it": (stack) =>
    all(stack, "aws:kms/key:Key").flatMap(({ name, inputs }) =>
      statementsOf(inputs.policy).flatMap(({ Sid, Principal, Action, Condition }) => {
        // Without this one nobody could ever change the key.
        if (Sid === "Administrators")
          return /:root"/.test(JSON.stringify(Principal)) ? [] : [`${name}: no administrator`];
        return [
          ...(JSON.stringify(Principal).includes("*") ? [`${name}: ${Sid} for everybody`] : []),
          ...(Condition === undefined ? [`${name}: ${Sid} from everywhere`] : []),
          ...list(Action)
            .filter((action) => action.includes("*"))
            .map((action) => `${name}: ${action}`),
        ];
      }),
    ),

  "topics and queues take from AWS's services alone": (stack) =>
    [
      ...all(stack, "aws:sns/topicPolicy:TopicPolicy"),
      ...all(stack, "aws:sqs/queuePolicy:QueuePolicy"),
    ].flatMap(({ name, inputs }) =>
      statementsOf(inputs.policy).flatMap(({ Principal, Condition }) => [
        ...(typeof Principal === "object" && Object.keys(Principal).join() === "Service"
          ? []
          : [`${name}: for more than services`]),
        ...(Condition === undefined ? [`${name}: from any account`] : []),
      ]),
    ),

  "the internet reaches the API, and nothing else": (stack) => [
    ...all(stack, "aws:lambda/functionUrl:FunctionUrl")
      .filter(({ name }) => name !== "ApiUrl")
      .map(({ name }) => `${name}: a second door`),
    ...all(stack, "aws:lambda/permission:Permission")
      .filter(({ inputs }) => {
        if (inputs.principal !== "*") return false;
        const byUrl = inputs.functionUrlAuthType === "NONE" || inputs.invokedViaFunctionUrl === true;
        return !byUrl || !/-api$/.test(String(inputs.function));
      })
      .map(({ name }) => `${name}: anybody may call`),
    ...all(stack, "aws:ec2/securityGroup:SecurityGroup").flatMap(({ name, inputs }) =>
      (inputs.ingress ?? [])
        .filter(
          (rule: { cidrBlocks?: string[] }) => !rule.cidrBlocks?.every((block) => block.startsWith("10.")),
        )
        .map(() => `${name}: open to the internet`),
    ),
    ...all(stack, "aws:ec2/subnet:Subnet")
      .filter(({ inputs }) => inputs.mapPublicIpOnLaunch === true)
      .map(({ name }) => `${name}: public addresses unasked`),
    ...all(stack, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
      .filter(({ inputs }) => inputs.ingress?.length !== 0 || inputs.egress?.length !== 0)
      .map(({ name }) => `${name}: lets through`),
  ],

  "streaming answers come by the function's own URL": (stack) =>
    all(stack, "aws:lambda/functionUrl:FunctionUrl")
      .filter(({ inputs }) => inputs.invokeMode !== "RESPONSE_STREAM" || inputs.cors !== undefined)
      .map(({ name }) => name),

  "what passes an endpoint is ours": (stack) =>
    all(stack, "aws:ec2/vpcEndpoint:VpcEndpoint").flatMap(({ name, inputs }) => {
      if (/\.ecs(-\w+)?$/.test(inputs.serviceName))
        return inputs.policy === undefined ? [] : [`${name}: AWS refuses it`];
      // Without a policy everything passes.
      if (inputs.policy === undefined) return [name];
      return statementsOf(inputs.policy)
        .filter((statement) => !isOurs(statement))
        .map(({ Resource }) => `${name}: ${list(Resource)}`);
    }),

  "outside of personal stages jobs reach AWS and nothing else": (stack, { shape }) => {
    if (shape === "personal") return [];
    return [
      ...all(stack, "aws:ec2/internetGateway:InternetGateway").map(({ name }) => name),
      ...all(stack, "aws:ec2/natGateway:NatGateway").map(({ name }) => name),
      ...all(stack, "aws:ec2/route:Route").map(({ name }) => name),
      ...all(stack, "aws:ec2/securityGroup:SecurityGroup")
        .filter(({ inputs }) => JSON.stringify(inputs.egress).includes("0.0.0.0/0"))
        .map(({ name }) => name),
      ...NEEDED_ENDPOINTS.filter(
        (service) =>
          !all(stack, "aws:ec2/vpcEndpoint:VpcEndpoint").some(({ inputs }) =>
            String(inputs.serviceName).endsWith(`.${service}`),
          ),
      ).map((service) => `no way to ${service}`),
    ];
  },
};

/** A call through an endpoint: on something of the stack, or by a role of this account. */
function isOurs({ Resource, Condition }: Statement): boolean {
  if (Condition?.StringEquals?.["aws:PrincipalAccount"] !== undefined) return true;
  return list(Resource).every((arn) => /^arn:aws:(s3:::|dynamodb:)[^*]*(\/\*)?$/.test(arn));
}

/** Actions that AWS knows no resource for, or none that is known beforehand. */
const NO_RESOURCE = new Set([
  "xray:PutTraceSegments",
  "xray:PutTelemetryRecords",
  "ecr:GetAuthorizationToken",
  "batch:DescribeJobs",
  "batch:TerminateJob",
  "logs:CreateLogDelivery",
  "logs:GetLogDelivery",
  "logs:UpdateLogDelivery",
  "logs:DeleteLogDelivery",
  "logs:ListLogDeliveries",
  "logs:PutResourcePolicy",
  "logs:DescribeResourcePolicies",
  "logs:DescribeLogGroups",
]);

const MANAGED = new Set(["arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"]);

const NEEDED_ENDPOINTS = [
  "s3",
  "dynamodb",
  "ecr.api",
  "ecr.dkr",
  "logs",
  "sts",
  "ecs",
  "ecs-agent",
  "ecs-telemetry",
];
