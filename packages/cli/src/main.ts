import { enableCompileCache } from "node:module";
import { type CommandTable, runCli } from "./run.ts";
import { processIo } from "./terminal/process-io.ts";

/**
 * Every command, loaded when it is called: classify must not wait for tune's imports. A name of several words is
 * a command of a group.
 */
export const COMMANDS: CommandTable = new Map([
  ["start", async () => (await import("./commands/start.ts")).start],
  ["lint", async () => (await import("./commands/lint.ts")).lint],
  ["tune", async () => (await import("./commands/tune.ts")).tune],
  ["classify", async () => (await import("./commands/classify.ts")).classify],
  ["evaluate", async () => (await import("./commands/evaluate.ts")).evaluate],
  ["inspect", async () => (await import("./commands/inspect.ts")).inspect],
  ["backbone list", async () => (await import("./commands/backbone-list.ts")).backboneList],
  ["backbone pull", async () => (await import("./commands/backbone-pull.ts")).backbonePull],
  ["backbone verify", async () => (await import("./commands/backbone-verify.ts")).backboneVerify],
  ["backbone build", async () => (await import("./commands/backbone-build.ts")).backboneBuild],
  ["serve", async () => (await import("./commands/serve.ts")).serve],
  ["admin key rotate", async () => (await import("./commands/admin-key-rotate.ts")).adminKeyRotate],
  ["admin tenant create", async () => (await import("./commands/admin-tenant-create.ts")).adminTenantCreate],
  ["admin tenant list", async () => (await import("./commands/admin-tenant-list.ts")).adminTenantList],
]);

export async function main(): Promise<void> {
  // Keeps the compiled, type-stripped modules between runs: a third of a cold start.
  enableCompileCache();
  process.exitCode = await runCli(process.argv.slice(2), COMMANDS, processIo());
}

if (import.meta.main) await main();
