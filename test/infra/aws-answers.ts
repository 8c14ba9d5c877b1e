import type { Inputs } from "./harvest.ts";

/** What AWS would say of a resource that was made, and of what is there: as far as the stack asks. */

export const ACCOUNT = "123456789012";

export function stateOf(type: string, logicalName: string, inputs: Inputs, region: string) {
  const given = inputs.name ?? inputs.bucket ?? inputs.layerName;
  const name: string = typeof given === "string" ? given : logicalName;
  const arn = arnOf(type, name, region);
  const more = MORE[type]?.({ name, logicalName, arn, region }) ?? {};
  return { id: `${logicalName}-id`, state: { ...inputs, name, arn, ...more } };
}

interface Made {
  readonly name: string;
  readonly logicalName: string;
  readonly arn: string;
  readonly region: string;
}

const MORE: Readonly<Record<string, (made: Made) => Inputs>> = {
  "aws:s3/bucket:Bucket": ({ name }) => ({ bucket: name, arn: `arn:aws:s3:::${name}` }),
  "aws:lambda/function:Function": ({ arn }) => ({ version: "1", qualifiedArn: `${arn}:1` }),
  "aws:lambda/functionUrl:FunctionUrl": ({ logicalName, region }) => ({
    functionUrl: `https://${logicalName.toLowerCase()}.lambda-url.${region}.on.aws/`,
  }),
  "aws:sqs/queue:Queue": ({ name, region }) => ({
    url: `https://sqs.${region}.amazonaws.com/${ACCOUNT}/${name}`,
  }),
  "aws:ec2/vpcEndpoint:VpcEndpoint": ({ logicalName }) => ({ prefixListId: `pl-${logicalName}` }),
  "aws:kms/key:Key": ({ logicalName }) => ({ keyId: logicalName }),
};

function arnOf(type: string, name: string, region: string): string {
  const [service = "", kind = ""] = type.replace(/^aws:/, "").split(/[/:]/);
  const at = AT[service];
  if (at !== undefined) return `arn:aws:${service}:${region}:${ACCOUNT}:${at(kind, name)}`;
  if (service === "iam") return `arn:aws:iam::${ACCOUNT}:${kebab(kind)}/${name}`;
  if (service === "sfn") return `arn:aws:states:${region}:${ACCOUNT}:stateMachine:${name}`;
  if (type.includes("logGroup")) return `arn:aws:logs:${region}:${ACCOUNT}:log-group:${name}`;
  if (service === "cloudwatch") return `arn:aws:events:${region}:${ACCOUNT}:rule/${name}`;
  return `arn:aws:${service}:${region}:${ACCOUNT}:${kebab(kind)}/${name}`;
}

const AT: Readonly<Record<string, (kind: string, name: string) => string>> = {
  lambda: (kind, name) => (kind === "layerVersion" ? `layer:${name}:1` : `function:${name}`),
  dynamodb: (_, name) => `table/${name}`,
  sqs: (_, name) => name,
  sns: (_, name) => name,
  batch: (kind, name) => (kind === "jobDefinition" ? `job-definition/${name}:1` : `${kebab(kind)}/${name}`),
};

function kebab(word: string): string {
  return word.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export function answerOf(token: string, inputs: Inputs, region: string): Inputs {
  switch (token) {
    case "aws:iam/getPolicyDocument:getPolicyDocument": {
      const json = JSON.stringify(policyOf(inputs));
      return { ...inputs, id: "policy", json, minifiedJson: json };
    }
    case "aws:index/getRegion:getRegion":
      return { id: region, region, name: region };
    case "aws:index/getPartition:getPartition":
      return { id: "aws", partition: "aws", dnsSuffix: "amazonaws.com" };
    case "aws:index/getCallerIdentity:getCallerIdentity":
      return { id: ACCOUNT, accountId: ACCOUNT, arn: `arn:aws:iam::${ACCOUNT}:user/test`, userId: "test" };
    case "aws:index/getAvailabilityZones:getAvailabilityZones":
      return { id: region, names: ["a", "b", "c"].map((zone) => region + zone) };
    default:
      throw new Error(`no answer for ${token}: ${JSON.stringify(inputs)}`);
  }
}

/** As AWS's provider writes it, so that rules read what IAM would. */
function policyOf({ version = "2012-10-17", statements = [] }: Inputs) {
  const one = (list: readonly unknown[]) => (list.length === 1 ? list[0] : list);
  const part = (name: string, list: readonly unknown[] | undefined) => (list ? { [name]: one(list) } : {});
  return {
    Version: version,
    Statement: (statements as Inputs[]).map((statement) => ({
      ...(statement.sid && { Sid: statement.sid }),
      Effect: statement.effect ?? "Allow",
      ...part("Action", statement.actions),
      ...part("NotAction", statement.notActions),
      ...part("Resource", statement.resources),
      ...part("NotResource", statement.notResources),
      ...(statement.principals && { Principal: principalOf(statement.principals) }),
      ...(statement.conditions && { Condition: conditionOf(statement.conditions) }),
    })),
  };
}

function principalOf(principals: readonly Inputs[]) {
  if (principals.some(({ type }) => type === "*")) return "*";
  return Object.fromEntries(principals.map(({ type, identifiers }) => [type, identifiers]));
}

function conditionOf(conditions: readonly Inputs[]) {
  const merged: Record<string, Inputs> = {};
  for (const { test, variable, values } of conditions) merged[test] = { ...merged[test], [variable]: values };
  return merged;
}
