/** What differs between stages, in one place. Everything else is the same in all of them. */
export interface Settings {
  /** `personal`: a developer's own, which costs next to nothing while idle and can be thrown away. */
  readonly shape: "personal" | "staging" | "production";
  /** The table and the bucket outlive their stack, and neither goes without being asked for. */
  readonly isProtected: boolean;
  /** Where jobs tune. */
  readonly tuneOn: "cpu" | "gpu";
  /** `public`: jobs run in subnets with addresses of the internet and closed ports. `closed`: they reach AWS, and nothing else. */
  readonly network: "public" | "closed";
  /** Instances of each `infer` function that are kept warm. */
  readonly warmInfer: number;
  /** Somebody is on duty. */
  readonly alarms: boolean;
  readonly logDays: number;
  /** Until bytes that were removed or overwritten are gone for good. */
  readonly oldVersionDays: number;
  /** Lambda's tenant isolation mode for `infer`: an instance serves one tenant alone, and none can be kept warm. */
  readonly tenantIsolation: boolean;
}

/**
 * @param options.tenantIsolation `on` or `off`, as KILOTUNE_TENANT_ISOLATION has it where the stack is deployed
 * @throws where the stage's name isn't one, or is nearly that of another
 */
export function settingsOf(stage: string, { tenantIsolation = "off" } = {}): Settings {
  checkStage(stage);
  if (tenantIsolation !== "on" && tenantIsolation !== "off")
    throw new Error(`KILOTUNE_TENANT_ISOLATION: expected on or off, saw ${JSON.stringify(tenantIsolation)}.`);
  const isolated = tenantIsolation === "on";
  const settings = BY_STAGE.get(stage) ?? PERSONAL;
  // AWS refuses kept-warm instances of functions in this mode.
  return { ...settings, tenantIsolation: isolated, ...(isolated && { warmInfer: 0 }) };
}

/** Of a name that may be wrong: nothing is asked, and nothing thrown. */
export function shapeOf(stage: string): Pick<Settings, "shape" | "isProtected"> {
  return BY_STAGE.get(stage) ?? PERSONAL;
}

const PERSONAL: Omit<Settings, "tenantIsolation"> = {
  shape: "personal",
  isProtected: false,
  tuneOn: "cpu",
  network: "public",
  warmInfer: 0,
  alarms: false,
  logDays: 7,
  oldVersionDays: 1,
};

/** Every other name is a personal stage's. */
const BY_STAGE: ReadonlyMap<string, Omit<Settings, "tenantIsolation">> = new Map([
  [
    "staging",
    {
      ...PERSONAL,
      shape: "staging",
      tuneOn: "gpu",
      network: "closed",
      alarms: true,
      logDays: 30,
      oldVersionDays: 7,
    },
  ],
  [
    "production",
    {
      shape: "production",
      isProtected: true,
      tuneOn: "gpu",
      network: "closed",
      warmInfer: 2,
      alarms: true,
      logDays: 365,
      oldVersionDays: 7,
    },
  ],
]);

/** A name goes into those of roles and functions, which take 64 letters. */
const STAGE = /^[a-z][a-z0-9-]{0,30}$/;

/** Whoever writes one of these means a stage that is protected, and would get one that isn't. */
const MEANT: ReadonlyMap<string, string> = new Map([
  ...["prod", "prd", "live", "main", "master"].map((name) => [name, "production"] as const),
  ...["stage", "stg", "preprod"].map((name) => [name, "staging"] as const),
]);

function checkStage(stage: string): void {
  if (!STAGE.test(stage))
    throw new Error(
      `A stage's name: expected a-z, 0-9 and -, at most 31 of them, beginning with a letter; saw ${JSON.stringify(stage.slice(0, 80))}. Give one with --stage.`,
    );
  const meant = MEANT.get(stage);
  if (meant !== undefined)
    throw new Error(
      `The stage ${stage} would be a personal one: unprotected, and without GPUs. Say --stage ${meant} for what is protected, or choose another name.`,
    );
}
