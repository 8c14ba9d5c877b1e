import { enableCompileCache } from "node:module";
import { type CommandTable, runCli } from "./run.ts";
import { processIo } from "./terminal/process-io.ts";

const files = () => import("./commands/remote/files.ts");
const jobs = () => import("./commands/remote/jobs.ts");
const batches = () => import("./commands/remote/batches.ts");
const models = () => import("./commands/remote/models.ts");
const aliases = () => import("./commands/remote/aliases.ts");
const keys = () => import("./commands/remote/keys.ts");

/**
 * Every command, loaded when it is called: classify must not wait for tune's imports. A name of several words is
 * a command of a group.
 */
export const COMMANDS: CommandTable = new Map([
  ["start", async () => (await import("./commands/start.ts")).start],
  ["lint", async () => (await import("./commands/lint.ts")).lint],
  ["tune", async () => (await import("./commands/tune.ts")).tune],
  ["sweep", async () => (await import("./commands/sweep.ts")).sweep],
  ["compare", async () => (await import("./commands/compare.ts")).compare],
  ["embed", async () => (await import("./commands/embed.ts")).embed],
  ["classify", async () => (await import("./commands/classify.ts")).classify],
  ["segment", async () => (await import("./commands/segment.ts")).segment],
  ["detect", async () => (await import("./commands/detect.ts")).detect],
  ["evaluate", async () => (await import("./commands/evaluate.ts")).evaluate],
  ["inspect", async () => (await import("./commands/inspect.ts")).inspect],
  ["reproduce", async () => (await import("./commands/reproduce.ts")).reproduce],
  ["prompt import", async () => (await import("./commands/prompt-import.ts")).promptImport],
  ["prompt export", async () => (await import("./commands/prompt-export.ts")).promptExport],
  ["backbone list", async () => (await import("./commands/backbone-list.ts")).backboneList],
  ["backbone pull", async () => (await import("./commands/backbone-pull.ts")).backbonePull],
  ["backbone verify", async () => (await import("./commands/backbone-verify.ts")).backboneVerify],
  ["backbone build", async () => (await import("./commands/backbone-build.ts")).backboneBuild],
  ["serve", async () => (await import("./commands/serve.ts")).serve],
  ["admin key new", async () => (await import("./commands/admin-key-new.ts")).adminKeyNew],
  ["admin key rotate", async () => (await import("./commands/admin-key-rotate.ts")).adminKeyRotate],
  ["admin tenant create", async () => (await import("./commands/admin-tenant-create.ts")).adminTenantCreate],
  ["admin tenant list", async () => (await import("./commands/admin-tenant-list.ts")).adminTenantList],
  ["doctor", async () => (await import("./commands/doctor.ts")).doctor],
  ["login", async () => (await import("./commands/remote/login.ts")).login],
  ["files upload", async () => (await files()).filesUpload],
  ["files list", async () => (await files()).filesList],
  ["files get", async () => (await files()).filesGet],
  ["files download", async () => (await files()).filesDownload],
  ["files delete", async () => (await files()).filesDelete],
  ["jobs create", async () => (await jobs()).jobsCreate],
  ["jobs list", async () => (await jobs()).jobsList],
  ["jobs get", async () => (await jobs()).jobsGet],
  ["jobs events", async () => (await jobs()).jobsEvents],
  ["jobs cancel", async () => (await jobs()).jobsCancel],
  ["jobs pause", async () => (await jobs()).jobsPause],
  ["jobs resume", async () => (await jobs()).jobsResume],
  ["batches create", async () => (await batches()).batchesCreate],
  ["batches list", async () => (await batches()).batchesList],
  ["batches get", async () => (await batches()).batchesGet],
  ["batches watch", async () => (await batches()).batchesWatch],
  ["batches cancel", async () => (await batches()).batchesCancel],
  ["batches download", async () => (await batches()).batchesDownload],
  ["models list", async () => (await models()).modelsList],
  ["models get", async () => (await models()).modelsGet],
  ["models download", async () => (await models()).modelsDownload],
  ["models import", async () => (await models()).modelsImport],
  ["models delete", async () => (await models()).modelsDelete],
  ["aliases list", async () => (await aliases()).aliasesList],
  ["aliases get", async () => (await aliases()).aliasesGet],
  ["aliases set", async () => (await aliases()).aliasesSet],
  ["aliases rollback", async () => (await aliases()).aliasesRollback],
  ["aliases delete", async () => (await aliases()).aliasesDelete],
  ["keys list", async () => (await keys()).keysList],
  ["keys create", async () => (await keys()).keysCreate],
  ["keys rotate", async () => (await keys()).keysRotate],
  ["keys revoke", async () => (await keys()).keysRevoke],
  ["usage", async () => (await import("./commands/remote/usage.ts")).usage],
]);

export async function main(): Promise<void> {
  // Keeps the compiled, type-stripped modules between runs: a third of a cold start.
  enableCompileCache();
  process.exitCode = await runCli(process.argv.slice(2), COMMANDS, processIo());
}

if (import.meta.main) await main();
