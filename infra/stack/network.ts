import { bucket } from "./bucket.ts";
import { account, named, partition, region, settings } from "./here.ts";
import type { Statement } from "./roles.ts";
import { table } from "./table.ts";

/**
 * Where containers run: two subnets, no port open. In a personal stage they have public addresses and reach AWS through
 * the internet, at no cost while nothing runs. Elsewhere there is no way out but to the AWS services that they use: a
 * tenant's data can't leave.
 */
export const vpc = new aws.ec2.Vpc("Network", {
  cidrBlock: "10.20.0.0/16",
  enableDnsHostnames: true,
  enableDnsSupport: true,
  tags: { Name: named("jobs") },
});

const zones = aws.getAvailabilityZonesOutput({ state: "available" }).names;

export const subnets = [0, 1].map(
  (at) =>
    new aws.ec2.Subnet(`Subnet-${at}`, {
      vpcId: vpc.id,
      cidrBlock: `10.20.${at}.0/24`,
      availabilityZone: zones.apply((names) => names[at] as string),
      mapPublicIpOnLaunch: false,
      tags: { Name: named(`jobs-${at}`) },
    }),
);

/** Of the containers: nothing may call them, and they call by https alone. */
export const outbound = new aws.ec2.SecurityGroup("JobsGroup", {
  name: named("jobs"),
  description: "Containers of tuning jobs: out by https, nothing in",
  vpcId: vpc.id,
  egress: [
    {
      description: "AWS services",
      protocol: "tcp",
      fromPort: 443,
      toPort: 443,
      cidrBlocks: [settings.network === "public" ? "0.0.0.0/0" : vpc.cidrBlock],
      // S3 and DynamoDB, whose gateways have addresses of their own.
      prefixListIds: gateways().map(({ prefixListId }) => prefixListId),
    },
  ],
});

// What the network itself makes lets everything through, to whoever forgets to name another.
new aws.ec2.DefaultSecurityGroup("DefaultGroup", { vpcId: vpc.id, ingress: [], egress: [] });

function gateways() {
  const routes = new aws.ec2.RouteTable("Routes", { vpcId: vpc.id, tags: { Name: named("jobs") } });
  subnets.map(
    (subnet, at) =>
      new aws.ec2.RouteTableAssociation(`Route-${at}`, { subnetId: subnet.id, routeTableId: routes.id }),
  );
  if (settings.network === "public") {
    const gateway = new aws.ec2.InternetGateway("Internet", { vpcId: vpc.id, tags: { Name: named("jobs") } });
    new aws.ec2.Route("Out", {
      routeTableId: routes.id,
      destinationCidrBlock: "0.0.0.0/0",
      gatewayId: gateway.id,
    });
  } else closed();
  return Object.entries({ s3: toBlobs(), dynamodb: toRecords() }).map(
    ([service, policy]) =>
      new aws.ec2.VpcEndpoint(`Endpoint-${service}`, {
        vpcId: vpc.id,
        serviceName: $interpolate`com.amazonaws.${region}.${service}`,
        vpcEndpointType: "Gateway",
        routeTableIds: [routes.id],
        policy,
      }),
  );
}

/*
 * What passes an endpoint is ours, whosever credentials ask: else a container that somebody has got hold of could carry data
 * to a bucket of his own.
 */

function toBlobs() {
  return throughEndpoint([
    { actions: ["s3:*"], resources: [bucket.arn, $interpolate`${bucket.arn}/*`] },
    // Where ECR keeps the layers of images.
    {
      actions: ["s3:GetObject"],
      resources: [$interpolate`arn:${partition}:s3:::prod-${region}-starport-layer-bucket/*`],
    },
  ]);
}

function toRecords() {
  return throughEndpoint([{ actions: ["dynamodb:*"], resources: [table.arn] }]);
}

function ofThisAccount() {
  const conditions = [{ test: "StringEquals", variable: "aws:PrincipalAccount", values: [account] }];
  return throughEndpoint([{ actions: ["*"], resources: ["*"], conditions }]);
}

/** The callers' own policies say what they may do; this says what of it may be done through here. */
function throughEndpoint(statements: Statement[]) {
  const principals = [{ type: "*", identifiers: ["*"] }];
  return aws.iam.getPolicyDocumentOutput({
    statements: statements.map((statement) => ({ ...statement, principals })),
  }).json;
}

/** Ways to the other services, each an hourly price: images, logs, credentials, and the agent that starts containers. */
function closed(): void {
  const group = new aws.ec2.SecurityGroup("EndpointsGroup", {
    name: named("endpoints"),
    description: "AWS services within the network",
    vpcId: vpc.id,
    ingress: [
      {
        description: "From the network itself",
        protocol: "tcp",
        fromPort: 443,
        toPort: 443,
        cidrBlocks: [vpc.cidrBlock],
      },
    ],
    egress: [],
  });
  // ECS takes no policy on its endpoints; it is told where containers run, and nothing of what is in them.
  for (const service of ["ecr.api", "ecr.dkr", "logs", "sts", "ecs", "ecs-agent", "ecs-telemetry"])
    new aws.ec2.VpcEndpoint(`Endpoint-${service}`, {
      vpcId: vpc.id,
      serviceName: $interpolate`com.amazonaws.${region}.${service}`,
      vpcEndpointType: "Interface",
      privateDnsEnabled: true,
      subnetIds: subnets.map(({ id }) => id),
      securityGroupIds: [group.id],
      ...(!service.startsWith("ecs") && { policy: ofThisAccount() }),
    });
}
