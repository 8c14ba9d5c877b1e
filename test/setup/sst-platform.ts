import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { cacheFolder } from "@kilotune/backbone";

const ROOT = path.resolve(import.meta.dirname, "../..");

/** Where infra/ and its tests find SST's components: sources, types, and what they import. */
export const SST_PLATFORM = path.join(ROOT, ".sst/platform");

/**
 * SST's platform in `.sst/platform`. `sst install` takes most of a minute and 320 MB, so it's kept in the cache folder,
 * by SST's version, and linked; a platform of this version that a deployment has installed is left as it is.
 *
 * @throws where there is nothing to install from
 */
export async function prepareSstPlatform(cache: string): Promise<void> {
  const wanted = await sstVersion();
  if ((await versionOf(SST_PLATFORM)) === wanted) return;
  const kept = path.join(cache, "sst", wanted);
  if ((await versionOf(path.join(kept, ".sst/platform"))) !== wanted) await install(kept);
  await mkdir(path.dirname(SST_PLATFORM), { recursive: true });
  await rm(SST_PLATFORM, { recursive: true, force: true });
  await symlink(path.join(kept, ".sst/platform"), SST_PLATFORM, "junction");
}

/** Whole or not at all: it is made beside its place. */
async function install(folder: string): Promise<void> {
  console.log(`installing SST's platform into ${folder}, once`);
  await mkdir(path.dirname(folder), { recursive: true });
  const made = await mkdtemp(`${folder}.`);
  try {
    await writeFile(path.join(made, "package.json"), '{ "private": true, "type": "module" }\n');
    await writeFile(path.join(made, "sst.config.ts"), EMPTY_APP);
    await promisify(execFile)(
      process.execPath,
      [path.join(ROOT, "node_modules/sst/bin/sst.mjs"), "install"],
      {
        cwd: made,
        env: { ...process.env, ...QUIET, XDG_CONFIG_HOME: path.join(made, "config") },
      },
    );
    await rm(folder, { recursive: true, force: true });
    await rename(made, folder);
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

async function sstVersion(): Promise<string> {
  const text = await readFile(path.join(ROOT, "node_modules/sst/package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** undefined where it isn't there, or without what it imports. */
async function versionOf(platform: string): Promise<string | undefined> {
  if (!existsSync(path.join(platform, "node_modules/@pulumi/aws/package.json"))) return undefined;
  return (await readFile(path.join(platform, "version"), "utf8").catch(() => undefined))?.trim();
}

/** The platform holds the types of the app's providers: AWS alone. */
const EMPTY_APP = `export default $config({ app: () => ({ name: "kilotune", home: "aws" }), async run() {} });\n`;

/** Neither Pulumi nor bun is fetched, and nobody is told. */
const QUIET = {
  SST_SKIP_DEPENDENCY_CHECK: "1",
  SST_NO_BUN: "1",
  SST_STAGE: "types",
  SST_TELEMETRY_DISABLED: "1",
  DO_NOT_TRACK: "1",
};

if (import.meta.main) await prepareSstPlatform(cacheFolder(process.env));
