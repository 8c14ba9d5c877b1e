import { KilotuneError } from "@kilotune/contract";
import { BackboneObject } from "@kilotune/contract/wire";
import { z } from "zod";

/** What the functions and the container are told by their environment. What each of them needs, it names. */
export interface Environment {
  readonly stage: string;
  readonly table: string;
  readonly bucket: string;
  /** Assumed with the session tag `tenant` for all that is done for one tenant. Left out: the function's own role does it. */
  readonly tenantRoleArn?: string | undefined;
  /** Of jobs. */
  readonly stateMachineArn?: string | undefined;
  /** Of batches. */
  readonly batchMachineArn?: string | undefined;
  /** Names of the functions `infer`, by backbone. */
  readonly inferFunctions?: Readonly<Record<string, string>> | undefined;
  /** What each of them is, for those that have none of their own at hand. */
  readonly backbones?: readonly DeployedBackbone[] | undefined;
  /** Id of the backbone that this function has. */
  readonly backbone?: string | undefined;
  /** Folder of its bundle. */
  readonly backboneDir: string;
  /** SHA-256 of the first admin key's secret, in hex; see `admin-key.ts`. */
  readonly adminKeyHash?: string | undefined;
  /** `infer` functions run in Lambda's tenant isolation mode: a call names its tenant. */
  readonly tenantIsolation: boolean;
  /** Where AWS is, in tests. */
  readonly endpoint?: string | undefined;
}

/** A backbone as the API tells of it (`describeBackbone`), and what jobs must know of it. */
const DeployedBackbone = BackboneObject.extend({
  /** Unix seconds. */
  created: z.int(),
  layers: z.int().positive(),
});
export type DeployedBackbone = z.infer<typeof DeployedBackbone>;

/** @throws KilotuneError `bad_environment`, naming every variable that is missing or wrong; values aren't quoted */
export function readEnvironment<Needed extends keyof Environment = never>(
  variables: Readonly<Record<string, string | undefined>>,
  needed: readonly Needed[] = [],
): Environment & { readonly [Name in Needed]-?: NonNullable<Environment[Name]> } {
  const given = Object.fromEntries(
    Object.entries(VARIABLES).map(([name, variable]) => [name, variables[variable] || undefined]),
  );
  const parsed = SCHEMA.safeParse(given);
  const faults = new Map<keyof Environment, string>();
  for (const { path, message } of parsed.error?.issues ?? []) {
    const name = path[0] as keyof Environment;
    faults.set(name, given[name] === undefined ? "is missing" : message);
  }
  for (const name of needed)
    if (given[name] === undefined && !(name in DEFAULTS)) faults.set(name, "is missing");
  if (faults.size > 0 || parsed.data === undefined) throw badEnvironment(faults);
  return parsed.data as ReturnType<typeof readEnvironment<Needed>>;
}

/** The variables by what they are here. Whoever deploys sets them; see infra/. */
export const VARIABLES = {
  stage: "KILOTUNE_STAGE",
  table: "KILOTUNE_TABLE",
  bucket: "KILOTUNE_BUCKET",
  tenantRoleArn: "KILOTUNE_TENANT_ROLE_ARN",
  stateMachineArn: "KILOTUNE_STATE_MACHINE_ARN",
  batchMachineArn: "KILOTUNE_BATCH_MACHINE_ARN",
  inferFunctions: "KILOTUNE_INFER_FUNCTIONS",
  backbones: "KILOTUNE_BACKBONES",
  backbone: "KILOTUNE_BACKBONE",
  backboneDir: "KILOTUNE_BACKBONE_DIR",
  adminKeyHash: "KILOTUNE_ADMIN_KEY_HASH",
  tenantIsolation: "KILOTUNE_TENANT_ISOLATION",
  endpoint: "AWS_ENDPOINT_URL",
} as const satisfies Record<keyof Environment, string>;

const DEFAULTS = { backboneDir: "/opt/kilotune/backbone", tenantIsolation: "off" } as const;

const arn = (service: string) =>
  z.string().regex(new RegExp(`^arn:[a-z-]+:${service}:`), `isn't an ARN of ${service}`);

function json<Schema extends z.ZodType>(schema: Schema, form: string) {
  return z.string().transform((text, context): z.infer<Schema> => {
    const { data } = schema.safeParse(jsonOf(text));
    if (data !== undefined) return data;
    context.addIssue(`isn't JSON of the form ${form}`);
    return z.NEVER;
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const SCHEMA = z.object({
  stage: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, "isn't a stage's name: a-z, 0-9 and -, at most 31"),
  table: z.string(),
  bucket: z.string(),
  tenantRoleArn: arn("iam").optional(),
  stateMachineArn: arn("states").optional(),
  batchMachineArn: arn("states").optional(),
  inferFunctions: json(z.record(z.string(), z.string().min(1)), "{backbone: function's name}").optional(),
  backbones: json(z.array(DeployedBackbone), "[{id, title, licence, layers, ..}]").optional(),
  backbone: z.string().optional(),
  backboneDir: z.string().default(DEFAULTS.backboneDir),
  adminKeyHash: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "isn't a SHA-256 in hex")
    .optional(),
  tenantIsolation: z
    .enum(["on", "off"], "is neither on nor off")
    .default(DEFAULTS.tenantIsolation)
    .transform((word) => word === "on"),
  endpoint: z.url("isn't a URL").optional(),
});

function badEnvironment(faults: ReadonlyMap<keyof Environment, string>): KilotuneError {
  const told = [...faults].map(([name, fault]) => `${VARIABLES[name]} ${fault}`);
  return new KilotuneError(
    "bad_environment",
    `This function's environment is not what it needs: ${told.join("; ")}.`,
    "Deploy it with `npx sst deploy`, or set these variables; kilotune doctor checks them beforehand.",
    { kind: "machine" },
  );
}
