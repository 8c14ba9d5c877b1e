import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { promisify } from "node:util";
import { KilotuneError } from "@kilotune/contract";
import type { LayerFile } from "./content.ts";
import type { Architecture } from "./elf.ts";
import { assertArchitecture } from "./onnxruntime.ts";

/** What decodes images on one processor. */
export interface Sharp {
  readonly version: string;
  /** Below /opt/nodejs/node_modules, where Lambda's `require` looks. */
  readonly files: readonly LayerFile[];
}

/**
 * sharp, libvips for the architecture, and what sharp requires; no types, sources, ES modules or install scripts. What npm
 * left out here, since it's another processor's, comes from its registry once, and is held to the lock file's SHA-512.
 *
 * @param cache folder of what is fetched
 * @throws KilotuneError `missing_sharp`, `wrong_architecture`, `not_a_library`
 */
export async function sharpFiles(
  architecture: Architecture,
  { cache, tell }: { readonly cache: string; readonly tell: (words: string) => void },
): Promise<Sharp> {
  const own = sharpFolder();
  const folderOf = (name: string) => foundFrom(own, name);
  const native = async (name: string) =>
    (await folderOf(name)) ?? (await fetched(name, await lockedAt(name), cache, tell));
  const packages = [
    ["sharp", own],
    ...(await Promise.all(REQUIRED.map(async (name) => [name, await folderOf(name)] as const))),
    ...(await Promise.all(
      ["sharp-linux", "sharp-libvips-linux"].map(async (name) => {
        const full = `@img/${name}-${architecture}`;
        return [full, await native(full)] as const;
      }),
    )),
  ] as const;
  const files: LayerFile[] = [];
  for (const [name, folder] of packages) {
    if (folder === undefined) throw missing(`${name} isn't installed`);
    files.push(...(await wantedOf(name, folder)));
  }
  const libraries = files.filter(({ path: file }) => LIBRARY.test(file));
  if (libraries.length < 2) throw missing(`there are ${libraries.length} libraries for ${architecture}`);
  for (const { source } of libraries) await assertArchitecture(source as string, architecture);
  return { version: await versionOf(own), files };
}

/** Of sharp's own requirements, those that it loads. */
const REQUIRED = ["@img/colour", "detect-libc", "semver"];
const LIBRARY = /\.(node|so)(\.\d+)*$/;
const WANTED = /\.(cjs|js|json|node)$|\.so(\.\d+)*$|(^|\/)LICENSE[^/]*$/;
const LEFT_OUT = /^(src|install|bin|node_modules|lib\/glib-2\.0)\//;

async function wantedOf(name: string, folder: string): Promise<LayerFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.flatMap((entry) => {
    if (!entry.isFile()) return [];
    const inside = path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join("/");
    return WANTED.test(inside) && !LEFT_OUT.test(inside) ? [inside] : [];
  });
  return files.map((inside) => ({
    path: `nodejs/node_modules/${name}/${inside}`,
    source: path.join(folder, inside),
  }));
}

function sharpFolder(): string {
  try {
    const image = createRequire(path.join(ROOT, "packages/image/package.json"));
    // Its main file is dist/index.cjs.
    return path.resolve(path.dirname(image.resolve("sharp")), "..");
  } catch (cause) {
    throw missing("it isn't installed", cause);
  }
}

/** As Node looks for it: within sharp's own folder, then beside it. */
async function foundFrom(own: string, name: string): Promise<string | undefined> {
  for (const folder of [path.join(own, "node_modules", name), path.resolve(own, "..", name)])
    if (await isPackage(folder)) return folder;
  return undefined;
}

interface Locked {
  readonly version: string;
  /** `sha512-<base64>` */
  readonly integrity: string;
}

async function lockedAt(name: string): Promise<Locked> {
  const { packages } = JSON.parse(await readFile(path.join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, Partial<Locked>>;
  };
  const { version, integrity } = packages[`node_modules/${name}`] ?? {};
  if (version === undefined || integrity === undefined) throw missing(`the lock file doesn't know ${name}`);
  return { version, integrity };
}

async function fetched(
  name: string,
  { version, integrity }: Locked,
  cache: string,
  tell: (words: string) => void,
): Promise<string> {
  const folder = path.join(cache, "npm", `${name.replaceAll(/[@/]/g, "-").slice(1)}-${version}`);
  if (await isPackage(folder)) return folder;
  tell(`${name} ${version}: fetching`);
  await mkdir(path.dirname(folder), { recursive: true });
  const temporary = await mkdtemp(`${folder}.tmp-`);
  try {
    const pack = ["pack", `${name}@${version}`, "--silent", "--pack-destination", temporary];
    await promisify(execFile)("npm", pack, { cwd: temporary }).catch((cause: Error) => {
      throw missing(`npm can't fetch ${name} ${version}`, cause);
    });
    const [tarball] = (await readdir(temporary)).filter((each) => each.endsWith(".tgz"));
    const bytes = await readFile(path.join(temporary, tarball ?? ""));
    const seen = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
    if (seen !== integrity) throw missing(`${name} ${version} has ${seen}, and the lock file ${integrity}`);
    await promisify(execFile)("tar", ["-xzf", tarball as string], { cwd: temporary });
    await rm(folder, { recursive: true, force: true });
    await rename(path.join(temporary, "package"), folder);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return folder;
}

async function isPackage(folder: string): Promise<boolean> {
  return (await stat(path.join(folder, "package.json")).catch(() => undefined)) !== undefined;
}

async function versionOf(folder: string): Promise<string> {
  const { version } = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
  return String(version);
}

const ROOT = path.resolve(import.meta.dirname, "../..");

function missing(seen: string, cause?: unknown): KilotuneError {
  return new KilotuneError(
    "missing_sharp",
    `expected the npm package sharp with its library for the layer's processor: ${seen}`,
    "Run npm ci, and let npm reach its registry once for the other processor; or build for one with --architecture.",
    { cause },
  );
}
