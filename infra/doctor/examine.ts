import { accountFindings, type Clients } from "./account.ts";
import { buildFindings } from "./builds.ts";
import { type Finding, fromError, missing, ok } from "./finding.ts";
import { type Settings, settingsOf } from "../stack/settings.ts";

export interface ExamineOptions {
  readonly stage: string;
  /** Folder of what was built: out/aws. */
  readonly artifacts: string;
  /** `v24.1.0` */
  readonly nodeVersion: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** AWS isn't asked. */
  readonly offline?: boolean;
  readonly tell?: (words: string) => void;
  readonly clients?: Clients;
}

/**
 * What `sst deploy` would stumble over, and what would run badly afterwards: everything that is there to be seen, in order,
 * each with what to do about it. Nothing is changed.
 */
export async function examine(options: ExamineOptions): Promise<Finding[]> {
  const { stage, nodeVersion, environment, offline = false, tell = () => {} } = options;
  const findings = [nodeFinding(nodeVersion)];
  let settings: Settings;
  try {
    const tenantIsolation = environment.KILOTUNE_TENANT_ISOLATION;
    settings = settingsOf(stage, tenantIsolation ? { tenantIsolation } : {});
    findings.push(ok("stage", `${stage}: ${settings.shape}, tunes on ${settings.tuneOn}`));
  } catch (error) {
    // Nobody knows what it would need.
    return [...findings, fromError("stage", error)];
  }
  findings.push(...(await buildFindings(options.artifacts, settings, tell)));
  if (!offline) findings.push(...(await accountFindings(stage, settings, options.clients)));
  return findings;
}

const NODE_MAJOR = 24;

function nodeFinding(version: string): Finding {
  const major = Number(/^v(\d+)\./.exec(version)?.[1]);
  if (major >= NODE_MAJOR) return ok("node", version);
  return missing(
    "node",
    version,
    `Node ${NODE_MAJOR} or later: npm ci brings one along, npx kilotune uses it.`,
  );
}
