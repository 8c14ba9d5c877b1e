import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { KilotuneError } from "@kilotune/contract";
import { type BaseImages, type BaseName, pinned } from "./base-images.ts";
import type { Image } from "./images.ts";

/**
 * Builds an image of its context's folder.
 *
 * @throws KilotuneError `base_image_not_pinned` before anything is built, `docker_missing`, `docker_failed`
 */
export async function buildImage(image: Image, folder: string, bases: BaseImages): Promise<string> {
  // Every argument of a FROM has to have a value, also in stages that this one doesn't need.
  const baseOf = (name: BaseName) => (image.bases.includes(name) ? pinned(bases, name) : "scratch");
  const names: BaseName[] = image.context === "job" ? ["NODE_IMAGE", "CUDA_IMAGE"] : ["LAMBDA_IMAGE"];
  const values = names.flatMap((name) => ["--build-arg", `${name}=${baseOf(name)}`]);
  const tag = localTag(image);
  const target = image.target === undefined ? [] : ["--target", image.target];
  // Lambda takes no image with attestations beside it; the bill of materials is in the image.
  await docker(
    "buildx",
    "build",
    "--load",
    "--provenance=false",
    "--platform",
    image.platform,
    ...target,
    ...values,
    "--tag",
    tag,
    folder,
  );
  return tag;
}

/** @returns `<repository>@sha256:<digest>`, by the registry's own word */
export async function pushImage(image: Image, repository: string): Promise<string> {
  const tag = `${repository}:${image.name}`;
  await docker("tag", localTag(image), tag);
  await docker("push", tag);
  return `${repository}@${await digestOf(tag)}`;
}

/** Of an image in its registry: of the list of platforms where it has several. */
export async function digestOf(image: string): Promise<string> {
  const words = ["buildx", "imagetools", "inspect", image, "--format", "{{.Manifest.Digest}}"];
  const { stdout } = await promisify(execFile)("docker", words).catch((cause: Error) => {
    throw dockerFailed(words, cause);
  });
  const digest = stdout.trim();
  if (/^sha256:[0-9a-f]{64}$/.test(digest)) return digest;
  throw dockerFailed(words, new Error(`expected a digest, saw ${JSON.stringify(digest.slice(0, 100))}`));
}

/** `images.json`: what is to be deployed, by digest. Others' entries stay. */
export async function recordImages(file: string, pushed: Readonly<Record<string, string>>): Promise<void> {
  const before = await readFile(file, "utf8").then(
    (text) => (JSON.parse(text) as { images?: Record<string, string> }).images ?? {},
    () => ({}),
  );
  const images = Object.fromEntries(
    Object.entries({ ...before, ...pushed }).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(`${file}.${process.pid}.tmp`, `${JSON.stringify({ images }, null, 2)}\n`);
  await rename(`${file}.${process.pid}.tmp`, file);
}

function localTag({ name }: Image): string {
  return `kilotune-${name}`;
}

/** What it says goes to stderr: stdout is the command's. */
async function docker(...words: string[]): Promise<void> {
  const child = spawn("docker", words, { stdio: ["ignore", "pipe", "inherit"] });
  child.stdout.pipe(process.stderr, { end: false });
  const [code] = await once(child, "close").catch((cause: Error) => {
    throw dockerFailed(words, cause);
  });
  if (code !== 0) throw dockerFailed(words, new Error(`it ended with ${code}`));
}

function dockerFailed(words: readonly string[], cause: Error): KilotuneError {
  if ("code" in cause && cause.code === "ENOENT")
    return new KilotuneError(
      "docker_missing",
      "expected the command docker with buildx, it isn't here",
      "Build images where Docker is. `npm run image -- context` needs none and lays out all that Docker copies.",
      { kind: "machine", cause },
    );
  return new KilotuneError(
    "docker_failed",
    `docker ${words.slice(0, 2).join(" ")}: ${cause.message.split("\n")[0]}`,
    "Its own words are above. Is its daemon running, and are you logged in to the registry?",
    { kind: "machine", cause },
  );
}
