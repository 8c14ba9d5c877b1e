import { execFileSync, spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type TinyBackbone, tinyBackbone } from "@kilotune/backbone/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runCommand } from "../command.ts";
import { measure } from "../layers/content.ts";
import { writeRecord } from "../layers/record.ts";
import { elfHead, MACHINE } from "../layers/testing.ts";
import { writeZip } from "../layers/write-zip.ts";
import { type BaseImages, pinned, readBaseImages, writeBaseImages } from "./base-images.ts";
import { buildImage, pushImage } from "./docker.ts";
import { type Image, JOB_IMAGES } from "./images.ts";
import { IMAGE } from "./main.ts";

let tiny: TinyBackbone;
let folder: string;
beforeAll(async () => {
  tiny = await tinyBackbone({ words: ["parcel", "card"] });
});
afterAll(() => tiny[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-images-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function image(...words: string[]) {
  let stdout = "";
  const out = (text: string) => {
    stdout += text;
  };
  const exitCode = await runCommand(IMAGE, [...words, "--json"], { out, err: out });
  return { exitCode, result: JSON.parse(stdout.trim().split("\n").at(-1) as string) };
}

const below = async (...names: string[]) =>
  (await readdir(path.join(folder, ...names), { recursive: true })).map(String).sort();

describe("the job's image, without Docker", () => {
  it("is laid out, installed, pruned, listed, and opens its backbone", async () => {
    const laidOut = await image("context", "--out", folder, "--image", "job-cpu", "--backbone", tiny.bundle);
    expect(laidOut.exitCode).toBe(0);
    const context = path.join(folder, "images", "job");
    expect((await readdir(context)).sort()).toEqual(["Dockerfile", "backbones", "manifests", "sources"]);
    const sources = await below("images", "job", "sources", "packages");
    expect(sources).toContain("aws/src/container/main.ts");
    expect(sources).toContain("worker/src/process/child.ts");
    expect(sources.filter((name) => /\.test\.ts$|^(cli|local|sdk)\//.test(name))).toEqual([]);

    // As the Dockerfile does it.
    const app = path.join(folder, "app");
    const backbones = path.join(context, "backbones");
    const copy = (from: string) => execFileSync("cp", ["-r", `${path.join(context, from)}/.`, app]);
    const step = (...words: string[]) => {
      const env = { ...process.env, npm_config_prefer_offline: "true", NODE_ENV: "production" };
      const command = [path.join("infra", "container", "steps.ts"), ...words];
      const { status, stderr } = spawnSync(process.execPath, command, { cwd: app, env, encoding: "utf8" });
      expect([words[0], status, status === 0 ? "" : stderr]).toEqual([words[0], 0, ""]);
    };
    await mkdir(app);
    copy("manifests");
    step("install");
    copy("sources");
    step("prune");
    step("sbom", backbones, "sbom.json");
    step("verify", backbones);

    const runtime = await below("app", "node_modules", "onnxruntime-node", "bin");
    const platforms = runtime
      .filter((name) => /\.(so\.1|node|dll|dylib)$/.test(name))
      .map((name) => path.dirname(name));
    expect(new Set(platforms)).toEqual(new Set([`napi-v6/${process.platform}/${process.arch}`]));
    await expectWholeBill(app);

    // The very entry, of the tree that the image has.
    const entry = path.join(app, "packages", "aws", "src", "container", "main.ts");
    const { status, stderr } = spawnSync(process.execPath, [entry, "--tenant", "nobody"], {
      encoding: "utf8",
      env: {},
    });
    expect([status, stderr]).toEqual([2, expect.stringContaining("a tenant's id in --tenant")]);
  }, 240_000);

  /** Each installed package is in it once, by name and version. */
  async function expectWholeBill(app: string) {
    const bill = JSON.parse(await readFile(path.join(app, "sbom.json"), "utf8"));
    expect([bill.bomFormat, bill.specVersion]).toEqual(["CycloneDX", "1.6"]);
    const libraries = bill.components.filter(({ type }: Component) => type === "library");
    // By the folders that are there, whatever npm wrote down.
    const installed = await Promise.all(
      (await readdir(path.join(app, "node_modules"), { recursive: true }))
        .filter(
          (name) =>
            /^(.*node_modules\/)?(@[^/]+\/)?[^/.@][^/]*\/package\.json$/.test(name) &&
            !name.startsWith("@kilotune/"),
        )
        .map(async (name) => {
          const { name: own, version } = JSON.parse(
            await readFile(path.join(app, "node_modules", name), "utf8"),
          );
          return `${own}@${version}`;
        }),
    );
    expect(libraries.map(({ name, version }: Component) => `${name}@${version}`).sort()).toEqual(
      installed.sort(),
    );
    expect(libraries.length).toBeGreaterThan(50);
    // npm's own bill has fewer, of the same bytes.
    const words = [
      "sbom",
      "--package-lock-only",
      "--omit=dev",
      "--sbom-format=cyclonedx",
      "--workspace=packages/aws",
    ];
    const theirs = JSON.parse(execFileSync("npm", words, { cwd: app, encoding: "utf8" }))
      .components as Component[];
    const shared = theirs.filter(({ purl }) => libraries.some((each: Component) => each.purl === purl));
    expect(shared.length).toBeGreaterThan(30);
    for (const { purl, hashes } of shared)
      expect(libraries.find((each: Component) => each.purl === purl).hashes).toEqual(hashes);
    expect(bill.components).toContainEqual({
      type: "machine-learning-model",
      name: "tiny",
      licenses: [{ expression: "MIT" }],
      hashes: [{ alg: "SHA-256", content: expect.stringMatching(/^[0-9a-f]{64}$/) }],
    });
    expect(bill.components.filter(({ type }: Component) => type === "file")).toHaveLength(2);
  }

  interface Component {
    readonly name: string;
    readonly version: string;
    readonly type: string;
    readonly purl: string;
    readonly hashes: readonly object[];
  }

  it("doesn't go on without CUDA's libraries, or with another processor's", async () => {
    const bin = path.join(
      folder,
      "node_modules/onnxruntime-node/bin/napi-v6",
      process.platform,
      process.arch,
    );
    await mkdir(bin, { recursive: true });
    const check = () => {
      const program = `import(${JSON.stringify(path.join(import.meta.dirname, "steps.ts"))}).then(({ checkCuda }) => checkCuda());`;
      const { status, stderr } = spawnSync(process.execPath, ["-e", program], {
        cwd: folder,
        encoding: "utf8",
      });
      return status === 0 ? "" : stderr;
    };
    expect(check()).toContain("expected libonnxruntime_providers_cuda.so after onnxruntime-node's script");
    const own = MACHINE[process.arch as "x64" | "arm64"];
    await writeFile(path.join(bin, "libonnxruntime_providers_cuda.so"), elfHead(own));
    await writeFile(path.join(bin, "libonnxruntime_providers_shared.so"), elfHead(own === 62 ? 183 : 62));
    expect(check()).toContain("libonnxruntime_providers_shared.so for");
    await writeFile(path.join(bin, "libonnxruntime_providers_shared.so"), elfHead(own));
    expect(check()).toBe("");
  });
});

it("an infer image has what the layers and the zip have", async () => {
  const layers = path.join(folder, "layers");
  await mkdir(path.join(layers, "backbone-large/kilotune/backbone"), { recursive: true });
  await writeFile(path.join(layers, "backbone-large/kilotune/backbone/manifest.json"), "{}");
  const module = "nodejs/node_modules/onnxruntime-node/bin/napi-v6/linux/arm64/onnxruntime_binding.node";
  const content = await measure([{ path: module, source: elfHead(MACHINE.arm64) }]);
  const zip = await writeZip(content.files, path.join(layers, "onnxruntime-arm64.zip"));
  const common = { unzippedBytes: content.unzippedBytes, contentSha256: content.sha256, about: "" };
  await writeRecord(layers, [
    { kind: "image", name: "backbone-large", architectures: ["arm64", "x64"], ...common },
    {
      kind: "layer",
      name: "onnxruntime-arm64",
      architectures: ["arm64"],
      ...common,
      zipSha256: zip.sha256,
      zipBytes: zip.sizeBytes,
    },
  ]);
  const context = () => image("context", "--out", folder, "--image", "infer-large");
  expect(await context()).toMatchObject({ exitCode: 1, result: { error: { code: "not_built" } } });
  await writeZip(
    [{ path: "index.mjs", source: Buffer.from("export {};\n") }],
    path.join(folder, "functions/infer.zip"),
  );
  expect((await context()).exitCode).toBe(0);
  const names = await below("images", "infer-large");
  expect(names).toEqual(
    expect.arrayContaining([
      "Dockerfile",
      `opt/${module}`,
      "opt/kilotune/backbone/manifest.json",
      "task/index.mjs",
    ]),
  );
  expect((await image("context", "--out", folder, "--image", "infer-small")).result.error.code).toBe(
    "unknown_image",
  );
});

describe("with Docker", () => {
  const digest = `sha256:${"ab".repeat(32)}`;
  const row = (name: string) => ({ image: name, digest });
  const bases: BaseImages = {
    NODE_IMAGE: row("node:24-bookworm-slim"),
    CUDA_IMAGE: row("nvidia/cuda:12"),
    LAMBDA_IMAGE: row("amazon/aws-lambda-nodejs:24"),
  };
  const [cpu, gpu] = JOB_IMAGES as [Image, Image];
  const { PATH } = process.env;
  afterEach(() => {
    process.env.PATH = PATH;
  });

  /** A command of that name that writes down how it is called. */
  async function pretendDocker(script: string): Promise<() => Promise<string[]>> {
    const bin = path.join(folder, "bin");
    await mkdir(bin);
    const calls = path.join(folder, "calls");
    await writeFile(path.join(bin, "docker"), `#!/bin/sh\necho "$@" >> ${calls}\n${script}\n`);
    await chmod(path.join(bin, "docker"), 0o755);
    process.env.PATH = `${bin}${path.delimiter}${PATH}`;
    return async () => (await readFile(calls, "utf8")).trim().split("\n");
  }

  it("a build takes its bases by digest, and none that it doesn't need", async () => {
    const calls = await pretendDocker("exit 0");
    expect(await buildImage(cpu, "/context", bases)).toBe("kilotune-job-cpu");
    await buildImage(gpu, "/context", bases);
    const common = "buildx build --load --provenance=false --platform linux/amd64";
    expect(await calls()).toEqual([
      `${common} --target cpu --build-arg NODE_IMAGE=node:24-bookworm-slim@${digest} --build-arg CUDA_IMAGE=scratch --tag kilotune-job-cpu /context`,
      `${common} --target gpu --build-arg NODE_IMAGE=node:24-bookworm-slim@${digest} --build-arg CUDA_IMAGE=nvidia/cuda:12@${digest} --tag kilotune-job-gpu /context`,
    ]);
  });

  it("nothing is built on a tag alone", async () => {
    const open = { ...bases, NODE_IMAGE: { ...bases.NODE_IMAGE, digest: null } };
    await expect(buildImage(cpu, "/context", open)).rejects.toMatchObject({ code: "base_image_not_pinned" });
    expect(() => pinned(open, "NODE_IMAGE")).toThrow("expected the digest of node:24-bookworm-slim");
  });

  it("what is pushed is written down by the registry's digest", async () => {
    const calls = await pretendDocker(`[ "$2" = imagetools ] && echo ${digest}; exit 0`);
    const repository = "registry.example.com/kilotune";
    await writeFile(path.join(folder, "images.json"), JSON.stringify({ images: { "infer-large": "kept" } }));
    const words = ["--out", folder, "--image", "job-cpu", "--repository", repository];
    const { exitCode, result } = await image("push", ...words);
    expect([exitCode, result]).toEqual([0, { images: { "job-cpu": `${repository}@${digest}` } }]);
    expect(JSON.parse(await readFile(path.join(folder, "images.json"), "utf8"))).toEqual({
      images: { "infer-large": "kept", "job-cpu": `${repository}@${digest}` },
    });
    expect(await calls()).toEqual([
      `tag kilotune-job-cpu ${repository}:job-cpu`,
      `push ${repository}:job-cpu`,
      `buildx imagetools inspect ${repository}:job-cpu --format {{.Manifest.Digest}}`,
    ]);
    expect((await image("push", "--out", folder, "--repository", "kilotune")).result.error.code).toBe(
      "bad_usage",
    );
  });

  it("a Docker that isn't there, that fails, or that talks nonsense is said", async () => {
    process.env.PATH = folder;
    const missing = { code: "docker_missing", kind: "machine" };
    await expect(buildImage(cpu, "/context", bases)).rejects.toMatchObject(missing);
    process.env.PATH = PATH;
    await pretendDocker('[ "$1" = push ] && exit 7; echo nonsense');
    const failed = { code: "docker_failed", kind: "machine" };
    await expect(pushImage(cpu, "registry.example.com/k")).rejects.toMatchObject(failed);
    await rm(path.join(folder, "bin"), { recursive: true });
    await pretendDocker("echo nonsense");
    await expect(pushImage(cpu, "registry.example.com/k")).rejects.toMatchObject(failed);
  });

  it("the committed bases are read, and written as they were read", async () => {
    const images = await readBaseImages();
    const file = path.join(folder, "base-images.json");
    await writeBaseImages(images, file);
    expect(await readFile(file, "utf8")).toBe(
      await readFile(path.join(import.meta.dirname, "base-images.json"), "utf8"),
    );
    await writeFile(file, '{"NODE_IMAGE":{"image":"node"}}');
    await expect(readBaseImages(file)).rejects.toMatchObject({ code: "bad_base_images" });
  });
});
