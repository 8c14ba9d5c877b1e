import { EXIT } from "../../packages/aws/src/container/exit-codes.ts";
import { COMMON } from "./common-environment.ts";
import { arnOf, built, named, partition, region, settings } from "./here.ts";
import { logGroup } from "./logs.ts";
import { outbound, subnets } from "./network.ts";
import { allow, roles, serviceRole } from "./roles.ts";
import { platformRecords } from "./tenant-role.ts";
import type { TunePlace } from "./tune-on-batch.ts";

/*
 * Containers that tune. Nothing runs, and nothing is paid for, while no job waits. Each kind of machine has two queues:
 * the first takes spare capacity that AWS may want back, and full-price machines where there is none; the other is for
 * jobs that were interrupted there.
 */

/** At once: sixteen jobs of four. Raise it together with the account's quota. */
const MOST_VCPUS = 64;
/** The only folder that a container may write to. */
const SCRATCH = "/scratch";

const network = { subnets: subnets.map(({ id }) => id), securityGroupIds: [outbound.id] };

/** A tenant's hundred jobs don't hold up another's one. */
const fairShare = new aws.batch.SchedulingPolicy("FairShare", {
  name: named("fair"),
  fairSharePolicy: { computeReservation: 0, shareDecaySeconds: 600 },
});

const logs = logGroup("jobs");

allow("job", roles.job, platformRecords());

/** Fetches the image and writes the log, before and beside the container. */
const execution = serviceRole("job-start", "ecs-tasks");
allow("job-start", execution, [
  {
    sid: "Image",
    actions: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    resources: [arnOf("ecr", `repository/${repositoryOf(built.imageByDigest(imageName()))}`)],
  },
  { sid: "Registry", actions: ["ecr:GetAuthorizationToken"], resources: ["*"] },
  {
    sid: "Logs",
    actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
    resources: [$interpolate`${logs.arn}:*`],
  },
]);

export const tunePlace: $util.Output<TunePlace> = settings.tuneOn === "gpu" ? onGpu() : onCpu();

function onCpu(): $util.Output<TunePlace> {
  const spot = fargate("spot", "FARGATE_SPOT");
  const full = fargate("full", "FARGATE");
  return $resolve({
    firstQueue: queue("cpu", [spot, full], { patienceHours: 0.5 }).arn,
    laterQueue: queue("cpu-again", [full], { patienceHours: 6 }).arn,
    jobDefinition: jobDefinition("FARGATE", {
      resourceRequirements: [
        { type: "VCPU", value: "4" },
        { type: "MEMORY", value: "8192" },
      ],
      runtimePlatform: { cpuArchitecture: "X86_64", operatingSystemFamily: "LINUX" },
      networkConfiguration: { assignPublicIp: settings.network === "public" ? "ENABLED" : "DISABLED" },
      fargatePlatformConfiguration: { platformVersion: "LATEST" },
    }).arn,
  });
}

function onGpu(): $util.Output<TunePlace> {
  const ec2 = ec2Machines();
  const spot = ec2("spot", { type: "SPOT", allocationStrategy: "SPOT_PRICE_CAPACITY_OPTIMIZED" });
  const full = ec2("full", { type: "EC2", allocationStrategy: "BEST_FIT_PROGRESSIVE" });
  return $resolve({
    firstQueue: queue("gpu", [spot, full], { patienceHours: 0.5 }).arn,
    laterQueue: queue("gpu-again", [full], { patienceHours: 6 }).arn,
    jobDefinition: jobDefinition("EC2", {
      resourceRequirements: [
        { type: "VCPU", value: "4" },
        { type: "MEMORY", value: "14000" },
        { type: "GPU", value: "1" },
      ],
    }).arn,
  });
}

function fargate(name: string, type: "FARGATE" | "FARGATE_SPOT") {
  return new aws.batch.ComputeEnvironment(`Machines-cpu-${name}`, {
    name: named(`cpu-${name}`),
    type: "MANAGED",
    computeResources: { type, maxVcpus: MOST_VCPUS, ...network },
  });
}

function ec2Machines() {
  const role = serviceRole("machine", "ec2");
  new aws.iam.RolePolicyAttachment("MachinePolicy", {
    role: role.name,
    // What ECS's agent needs; AWS keeps it up to date with the agent.
    policyArn: $interpolate`arn:${partition}:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role`,
  });
  const profile = new aws.iam.InstanceProfile("MachineProfile", { name: named("machine"), role: role.name });
  const template = new aws.ec2.LaunchTemplate("MachineTemplate", {
    name: named("machine"),
    // One hop: containers can't ask for the machine's own credentials.
    metadataOptions: { httpTokens: "required", httpEndpoint: "enabled", httpPutResponseHopLimit: 1 },
    blockDeviceMappings: [
      {
        deviceName: "/dev/xvda",
        ebs: { volumeSize: 60, volumeType: "gp3", encrypted: "true", deleteOnTermination: "true" },
      },
    ],
    tagSpecifications: [{ resourceType: "instance", tags: { Name: named("job") } }],
    userData: toldOfInterruptions(),
  });
  return (name: string, kind: { type: "SPOT" | "EC2"; allocationStrategy: string }) =>
    new aws.batch.ComputeEnvironment(`Machines-gpu-${name}`, {
      name: named(`gpu-${name}`),
      type: "MANAGED",
      computeResources: {
        ...kind,
        minVcpus: 0,
        maxVcpus: MOST_VCPUS,
        instanceTypes: ["g4dn.xlarge", "g5.xlarge", "g6.xlarge"],
        instanceRole: profile.arn,
        ec2Configurations: [{ imageType: "ECS_AL2023_NVIDIA" }],
        launchTemplate: { launchTemplateId: template.id, version: "$Latest" },
        ...network,
      },
    });
}

function queue(
  name: string,
  machines: readonly aws.batch.ComputeEnvironment[],
  { patienceHours }: { readonly patienceHours: number },
) {
  return new aws.batch.JobQueue(`Queue-${name}`, {
    name: named(name),
    state: "ENABLED",
    priority: 1,
    schedulingPolicyArn: fairShare.arn,
    computeEnvironmentOrders: machines.map(({ arn }, at) => ({ order: at + 1, computeEnvironment: arn })),
    // A job at the head that no machine can be had for: the state machine asks the other queue, and that one three times.
    jobStateTimeLimitActions: [
      {
        state: "RUNNABLE",
        reason: "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
        maxTimeSeconds: patienceHours * 3600,
        action: "CANCEL",
      },
    ],
  });
}

function jobDefinition(platform: "EC2" | "FARGATE", ground: object) {
  return new aws.batch.JobDefinition("Job", {
    name: named("tune"),
    type: "container",
    platformCapabilities: [platform],
    propagateTags: true,
    schedulingPriority: 1,
    // From the checkpoint, wherever it goes on.
    retryStrategy: {
      attempts: 5,
      evaluateOnExits: [
        { onStatusReason: "Host EC2*", action: "RETRY" },
        { onReason: "CannotPull*", action: "RETRY" },
        { onExitCode: String(EXIT.interrupted), action: "RETRY" },
        { onExitCode: String(EXIT.tryAgain), action: "RETRY" },
        { onReason: "*", action: "EXIT" },
      ],
    },
    timeout: { attemptDurationSeconds: 24 * 3600 },
    containerProperties: $jsonStringify({
      image: built.imageByDigest(imageName()),
      jobRoleArn: roles.job.arn,
      executionRoleArn: execution.arn,
      user: "10001:10001",
      readonlyRootFilesystem: true,
      privileged: false,
      environment: Object.entries({ KILOTUNE_STAGE: $app.stage, ...COMMON, TMPDIR: SCRATCH }).map(
        ([name, value]) => ({ name, value }),
      ),
      mountPoints: [{ sourceVolume: "scratch", containerPath: SCRATCH, readOnly: false }],
      volumes: [{ name: "scratch" }],
      logConfiguration: {
        logDriver: "awslogs",
        options: {
          "awslogs-group": logs.name,
          "awslogs-region": region,
          "awslogs-stream-prefix": "tune",
        },
      },
      ...ground,
    }),
  });
}

function imageName() {
  return `job-${settings.tuneOn}`;
}

/** `<registry>/<repository>@<digest>` */
function repositoryOf(image: string): string {
  return image.slice(image.indexOf("/") + 1, image.indexOf("@"));
}

/**
 * A spot machine's two minutes of notice reach its containers as SIGTERM only where ECS's agent is told so, and last until
 * SIGKILL for 30 seconds by default. Batch takes user data in parts alone, beside its own.
 */
function toldOfInterruptions(): string {
  const parts = [
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="part"',
    "",
    "--part",
    'Content-Type: text/x-shellscript; charset="us-ascii"',
    "",
    "#!/bin/sh",
    "echo ECS_ENABLE_SPOT_INSTANCE_DRAINING=true >> /etc/ecs/ecs.config",
    "echo ECS_CONTAINER_STOP_TIMEOUT=90s >> /etc/ecs/ecs.config",
    "",
    "--part--",
    "",
  ];
  return Buffer.from(parts.join("\n")).toString("base64");
}
