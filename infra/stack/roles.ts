import { named } from "./here.ts";

/** Everything that runs has a role of its own, made before anything that names it; what it may do, its own file says. */
const ROLES = {
  api: "lambda",
  infer: "lambda",
  validate: "lambda",
  evaluate: "lambda",
  publish: "lambda",
  notify: "lambda",
  fail: "lambda",
  batch: "lambda",
  housekeeping: "lambda",
  job: "ecs-tasks",
} as const;

type RoleName = keyof typeof ROLES;

export const roles = Object.fromEntries(
  Object.entries(ROLES).map(([name, service]) => [name, serviceRole(name, service)]),
) as Record<RoleName, aws.iam.Role>;

/** A role that one of AWS's services takes on, and nobody else: SST's own trusts the whole account while it develops. */
export function serviceRole(name: string, service: string): aws.iam.Role {
  return new aws.iam.Role(`Role-${name}`, {
    name: named(name),
    assumeRolePolicy: aws.iam.getPolicyDocumentOutput({
      statements: [
        {
          actions: ["sts:AssumeRole"],
          principals: [{ type: "Service", identifiers: [`${service}.amazonaws.com`] }],
        },
      ],
    }).json,
  });
}

export type Statement =
  NonNullable<Exclude<aws.iam.GetPolicyDocumentOutputArgs["statements"], undefined>> extends $util.Input<
    $util.Input<infer Each>[]
  >
    ? Each
    : never;

export function allow(name: string, role: aws.iam.Role, statements: Statement[]): void {
  new aws.iam.RolePolicy(`Policy-${name}`, {
    name: "own",
    role: role.id,
    policy: aws.iam.getPolicyDocumentOutput({ statements }).json,
  });
}
