import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { type TinyBackbone, tinyBackbone, tinyVisionBackbone } from "@kilotune/backbone/testing";
import { bundleFolder, cacheFolder } from "@kilotune/backbone";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runCommand } from "../command.ts";
import { backboneContent } from "./backbone.ts";
import { measure } from "./content.ts";
import { CODE_UNZIPPED, homeOf, SHARP_UNZIPPED, TOTAL_UNZIPPED } from "./limits.ts";
import { LAYER } from "./main.ts";
import { findOnnxRuntime, onnxRuntimeFiles } from "./onnxruntime.ts";
import { readZip } from "./read-zip.ts";
import { MACHINE, pretendOnnxRuntime } from "./testing.ts";
import { writeZip } from "./write-zip.ts";

const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json");

let tiny: TinyBackbone;
let folder: string;
let out: string;
let ort: string;
beforeAll(async () => {
  tiny = await tinyBackbone({ words: ["parcel", "card"] });
});
afterAll(() => tiny[Symbol.asyncDispose]());
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-layers-"));
  out = path.join(folder, "out");
  ort = await pretendOnnxRuntime(path.join(folder, "ort"), { version });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A call of the command, with what it says. */
async function layer(...words: string[]) {
  let stdout = "";
  let stderr = "";
  const exitCode = await runCommand(LAYER, words, {
    out(text) {
      stdout += text;
    },
    err(text) {
      stderr += text;
    },
  });
  const lines = stdout.split("\n").filter((line) => line.startsWith("{"));
  const last = lines.at(-1);
  return { exitCode, stdout, stderr, result: last === undefined ? undefined : JSON.parse(last) };
}

const build = (...more: string[]) =>
  layer("build", "--out", out, "--onnxruntime", ort, "--backbone", tiny.bundle, "--json", ...more);

const filesOf = async (name: string) => [...(await readZip(path.join(out, `${name}.zip`))).keys()];

describe("build", () => {
  it("takes what a function needs and nothing else", async () => {
    const { exitCode, result } = await build();
    expect(exitCode).toBe(0);
    expect(
      result.layers.map(({ name, written }: { name: string; written: boolean }) => [name, written]),
    ).toEqual([
      ["onnxruntime-arm64", true],
      ["onnxruntime-x64", true],
      ["backbone-tiny", true],
    ]);
    const runtime = await filesOf("onnxruntime-arm64");
    expect(runtime.filter((name) => name.includes("/onnxruntime-node/"))).toEqual([
      "nodejs/node_modules/onnxruntime-node/bin/napi-v6/linux/arm64/libonnxruntime.so.1",
      "nodejs/node_modules/onnxruntime-node/bin/napi-v6/linux/arm64/onnxruntime_binding.node",
      "nodejs/node_modules/onnxruntime-node/dist/index.js",
      "nodejs/node_modules/onnxruntime-node/package.json",
    ]);
    expect(runtime).toContain("nodejs/node_modules/onnxruntime-common/dist/cjs/index.js");
    expect(runtime.filter((name) => /\.(map|ts)$|\/esm\//.test(name))).toEqual([]);
    expect(await filesOf("backbone-tiny")).toEqual(
      [
        "files.json",
        "manifest.json",
        "serve.onnx",
        "tokenizer.json",
        "tokenizer_config.json",
        "weights.safetensors",
      ].map((name) => `kilotune/backbone/${name}`),
    );
    expect((await layer("check", "--out", out)).exitCode).toBe(0);
  });

  it("builds nothing whose content it built before, and what was damaged again", async () => {
    const first = (await build()).result;
    const zip = path.join(out, "onnxruntime-x64.zip");
    const { mtimeMs } = await stat(zip);
    const again = (await build()).result;
    expect(again.layers.map(({ written }: { written: boolean }) => written)).toEqual([false, false, false]);
    expect((await stat(zip)).mtimeMs).toBe(mtimeMs);
    expect(again.layers[1].zipSha256).toBe(first.layers[1].zipSha256);

    await truncate(zip, 100);
    expect((await layer("check", "--out", out, "--json")).result.error.code).toBe("damaged_layer");
    const repaired = (await build()).result;
    expect(repaired.layers.map(({ written }: { written: boolean }) => written)).toEqual([false, true, false]);
    expect(repaired.layers[1].zipSha256).toBe(first.layers[1].zipSha256);
  });

  it("builds what has changed, and leaves alone what wasn't asked for", async () => {
    const first = (await build()).result;
    await writeFile(path.join(ort, "dist", "index.js"), "module.exports = { changed: true };\n");
    const second = (await build("--architecture", "x64")).result;
    expect(
      second.layers.map(({ name, written }: { name: string; written: boolean }) => [name, written]),
    ).toEqual([
      ["onnxruntime-x64", true],
      ["backbone-tiny", false],
    ]);
    expect(second.layers[0].contentSha256).not.toBe(first.layers[1].contentSha256);
    const { layers } = JSON.parse(await readFile(path.join(out, "layers.json"), "utf8"));
    expect(layers.map(({ name }: { name: string }) => name)).toEqual([
      "backbone-tiny",
      "onnxruntime-arm64",
      "onnxruntime-x64",
    ]);
  });

  it("isn't changed by graphs that somebody asked the bundle for", async () => {
    const before = (await build()).result;
    const bundle = path.join(folder, "bundle");
    await cp(tiny.bundle, bundle, { recursive: true });
    await writeFile(path.join(bundle, "upper-soft.onnx"), "another graph");
    await rm(path.join(bundle, "tune-kv-1-dropout.onnx"));
    const after = (await layer("build", "--out", out, "--onnxruntime", ort, "--backbone", bundle, "--json"))
      .result;
    expect(after.layers[2]).toEqual({ ...before.layers[2], written: false });
  });

  it("lists everybody's SHA-256 in the backbone's layer", async () => {
    await build();
    const files = await readZip(path.join(out, "backbone-tiny.zip"));
    const { id, files: listed } = JSON.parse(String(files.get("kilotune/backbone/files.json")));
    expect(id).toBe("tiny");
    expect(listed.map(({ name }: { name: string }) => name)).not.toContain("files.json");
    for (const { name, sha256 } of listed) {
      const bytes = files.get(`kilotune/backbone/${name}`) as Buffer;
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
    }
  });

  it("takes onnxruntime-node from npm's tarball as well", async () => {
    const folderResult = (await build()).result;
    const npm = path.join(folder, "npm");
    await mkdir(npm);
    await cp(ort, path.join(npm, "package"), { recursive: true });
    const tarball = path.join(folder, "onnxruntime-node.tgz");
    expect(spawnSync("tar", ["-czf", tarball, "-C", npm, "package"]).status).toBe(0);
    ort = tarball;
    const { result } = await build();
    expect(result.layers[0]).toEqual({ ...folderResult.layers[0], written: false });
  });

  it("lays a backbone that is too large for a layer out for an image", async () => {
    const bundle = path.join(folder, "large");
    await cp(tiny.bundle, bundle, { recursive: true });
    const manifest = path.join(bundle, "manifest.json");
    const weightsBytes = TOTAL_UNZIPPED - CODE_UNZIPPED;
    await truncate(path.join(bundle, "weights.safetensors"), weightsBytes);
    const large = { ...JSON.parse(await readFile(manifest, "utf8")), id: "large", weightsBytes };
    await writeFile(manifest, JSON.stringify(large));
    const build = () => layer("build", "--out", out, "--onnxruntime", ort, "--backbone", bundle, "--json");
    const { result } = await build();
    expect(result.layers.at(-1)).toMatchObject({ name: "backbone-large", kind: "image", written: true });
    expect(await readdir(out)).toEqual([
      "backbone-large",
      "layers.json",
      "onnxruntime-arm64.zip",
      "onnxruntime-x64.zip",
    ]);
    const laidOut = path.join(out, "backbone-large", "kilotune", "backbone");
    expect((await stat(path.join(laidOut, "weights.safetensors"))).size).toBe(weightsBytes);
    expect((await build()).result.layers.at(-1).written).toBe(false);
    expect((await layer("check", "--out", out)).exitCode).toBe(0);
  });

  it("chooses layer or image by size alone", () => {
    expect(homeOf(95_000_000, 50_000_000)).toBe("layer");
    expect(homeOf(TOTAL_UNZIPPED - 50_000_000 - CODE_UNZIPPED, 50_000_000)).toBe("layer");
    expect(homeOf(TOTAL_UNZIPPED - 50_000_000 - CODE_UNZIPPED + 1, 50_000_000)).toBe("image");
  });
});

describe("what a layer is refused for", () => {
  const refused = async (
    wanted: Promise<Awaited<ReturnType<typeof layer>>>,
    exitCode: number,
    code: string,
  ) => {
    const got = await wanted;
    expect([got.exitCode, got.result.error.code]).toEqual([exitCode, code]);
    expect(got.result.error.hint).not.toBe("");
    return String(got.result.error.message);
  };

  it("libraries of another processor, when it is built", async () => {
    ort = await pretendOnnxRuntime(path.join(folder, "x64-only"), {
      machines: { ...MACHINE, arm64: MACHINE.x64 },
      version,
    });
    const message = await refused(build(), 1, "wrong_architecture");
    expect(message).toContain("for arm64 only");
    expect(message).toContain("is for x64");
    expect(await readdir(out).catch(() => [])).toEqual([]);
  });

  it("libraries of another processor, when it is checked and before it is published", async () => {
    await build();
    // A layer that is whole and true to its record, of the wrong libraries.
    const zip = path.join(out, "onnxruntime-x64.zip");
    const packed = await writeZip(
      [...(await readZip(path.join(out, "onnxruntime-arm64.zip")))].map(([name, source]) => ({
        path: name,
        source,
      })),
      zip,
    );
    const record = path.join(out, "layers.json");
    const { layers, format } = JSON.parse(await readFile(record, "utf8"));
    const [, arm64] = layers;
    const forged = { ...arm64, name: "onnxruntime-x64", architectures: ["x64"], zipSha256: packed.sha256 };
    await writeFile(record, JSON.stringify({ format, layers: [forged] }));
    const message = await refused(layer("check", "--out", out, "--json"), 1, "wrong_architecture");
    expect(message).toContain("onnxruntime-x64: nodejs/node_modules/onnxruntime-node/bin");
  });

  it("a file that is no library", async () => {
    await writeFile(path.join(ort, "bin/napi-v6/linux/x64/libonnxruntime.so.1"), "<html>not found</html>");
    await refused(build(), 1, "not_a_library");
  });

  it("a missing runtime, one of another version, a tarball that is none", async () => {
    await rm(path.join(ort, "bin/napi-v6/linux/arm64"), { recursive: true });
    await refused(build(), 1, "missing_onnxruntime");
    ort = await pretendOnnxRuntime(path.join(folder, "old"), { version: "1.2.3" });
    expect(await refused(build(), 1, "version_mismatch")).toContain("1.2.3");
    ort = path.join(tiny.bundle, "manifest.json");
    await refused(build(), 1, "missing_onnxruntime");
    await symlink("/etc/hostname", path.join(folder, "link"));
    ort = path.join(folder, "linked.tgz");
    spawnSync("tar", ["-czf", ort, "-C", folder, "link"]);
    expect(await refused(build(), 1, "missing_onnxruntime")).toContain("neither file nor folder");
    ort = path.join(folder, "nowhere");
    await refused(build(), 1, "missing_onnxruntime");
  });

  it("a missing bundle, one of another version, an unknown backbone", async () => {
    const of = (backbone: string) =>
      layer("build", "--out", out, "--onnxruntime", ort, "--backbone", backbone, "--json");
    await refused(of(path.join(folder, "nowhere")), 1, "missing_bundle");
    const old = path.join(folder, "old");
    await mkdir(old);
    await writeFile(path.join(old, "manifest.json"), JSON.stringify({ format: "kilotune.backbone/1" }));
    await refused(of(old), 1, "missing_bundle");
    await writeFile(path.join(old, "manifest.json"), "not JSON");
    await refused(of(old), 1, "missing_bundle");
    await refused(of("minilm-l7"), 2, "unknown_backbone");
  });

  it("a layers.json that is somebody else's", async () => {
    await mkdir(out);
    await writeFile(
      path.join(out, "layers.json"),
      '{"format":"kilotune.layers/1","layers":[{"name":"../x"}]}',
    );
    await refused(build(), 1, "bad_layers_json");
    for (const action of ["check", "publish"])
      await refused(layer(action, "--out", path.join(folder, "empty"), "--json"), 1, "no_layers");
  });

  it("too much for a function", async () => {
    await build();
    await refused(layer("check", "--out", out, "--code", String(TOTAL_UNZIPPED), "--json"), 1, "over_budget");
  });

  it("a wrong call", async () => {
    await refused(layer("bake", "--json"), 2, "bad_usage");
    await refused(build("--architecture", "riscv"), 2, "bad_usage");
    await refused(build("--colour", "red"), 2, "bad_usage");
    await refused(layer("check", "--code", "much", "--json"), 2, "bad_usage");
  });
});

describe("a full disk", () => {
  it("is said, and leaves nothing half-made", async ({ skip }) => {
    const disk = path.join(folder, "disk");
    await mkdir(disk);
    if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "kilotune", disk]).status !== 0)
      skip("this user can't mount a small disk");
    try {
      out = path.join(disk, "out");
      const { exitCode, result } = await build();
      expect([exitCode, result.error.code]).toEqual([3, "disk_full"]);
      const left = await readdir(out);
      expect(left.filter((name) => name.endsWith(".tmp"))).toEqual([]);
    } finally {
      spawnSync("umount", ["--lazy", disk]);
    }
  });
});

describe("help", () => {
  it("shows what there is", async () => {
    expect((await layer("--help")).exitCode).toBe(0);
    expect((await layer()).exitCode).toBe(2);
    const { stdout, exitCode } = await layer("publish", "--help");
    expect(exitCode).toBe(0);
    expect(stdout).toContain("--bucket NAME");
  });

  it("tells progress on stderr, and on stdout with --json", async () => {
    const plain = await layer("build", "--out", out, "--onnxruntime", ort, "--backbone", tiny.bundle);
    expect(plain.stderr).toContain("backbone-tiny: packing 6 files");
    expect(plain.stdout).toMatch(/^onnxruntime-arm64 .* unzipped, .* zipped/);
    const lines = (await build()).stdout.trim().split("\n");
    expect(lines.map((line) => Object.keys(JSON.parse(line))[0])).toEqual([
      ...Array(6).fill("progress"),
      "out",
    ]);
  });
});

describe("the real ones", () => {
  it("of ONNX Runtime: at most 50 MB, each of its own processor", async () => {
    const packages = await findOnnxRuntime(undefined, folder);
    for (const architecture of ["arm64", "x64"] as const) {
      const { unzippedBytes } = await measure(await onnxRuntimeFiles(packages, architecture));
      expect(unzippedBytes).toBeGreaterThan(20_000_000);
      expect(unzippedBytes).toBeLessThan(50_000_000);
    }
  });

  it("of images: sharp for the own processor beside the backbone, within its budget", async () => {
    await using vision = await tinyVisionBackbone();
    const words = ["--out", out, "--onnxruntime", ort, "--architecture", process.arch];
    const { exitCode, result } = await layer("build", ...words, "--backbone", vision.bundle, "--json");
    expect(exitCode).toBe(0);
    expect(result.layers.map(({ name }: { name: string }) => name)).toEqual([
      `onnxruntime-${process.arch}`,
      `sharp-${process.arch}`,
      "backbone-dinov2",
    ]);
    expect(result.layers[2].backbone).toMatchObject({
      input: "image",
      tasks: ["classify", "segment", "detect"],
    });
    expect(result.layers[1].unzippedBytes).toBeLessThan(SHARP_UNZIPPED);
    const files = await filesOf(`sharp-${process.arch}`);
    for (const wanted of [/sharp\/dist\/index\.cjs$/, /libvips-cpp\.so\.[\d.]+$/, /\.node$/])
      expect(files.filter((name) => wanted.test(name))).toHaveLength(1);
    expect(files.filter((name) => /\.(ts|mjs|h|cc|gyp)$|\/install\//.test(name))).toEqual([]);
    const checked = await layer("check", "--out", out, "--json");
    const sizes = result.layers.map(({ unzippedBytes }: { unzippedBytes: number }) => unzippedBytes);
    const total = sizes.reduce((sum: number, each: number) => sum + each, CODE_UNZIPPED);
    expect([checked.exitCode, checked.result.totalUnzippedBytes]).toEqual([0, total]);
  });

  it("answer from where Lambda unpacks them", async () => {
    const words = ["--out", out, "--architecture", process.arch, "--backbone", tiny.bundle];
    const { exitCode, result } = await layer("build", ...words, "--json");
    expect(exitCode).toBe(0);
    const opt = path.join(folder, "opt");
    for (const { name } of result.layers)
      for (const [inside, bytes] of await readZip(path.join(out, `${name}.zip`))) {
        await mkdir(path.dirname(path.join(opt, inside)), { recursive: true });
        await writeFile(path.join(opt, inside), bytes);
      }
    const program = `
      const { InferenceSession } = require("onnxruntime-node");
      InferenceSession.create(process.argv[1]).then((session) => console.log(session.outputNames.join()));`;
    const answer = (...prefix: string[]) => {
      const [command = "", ...args] = [...prefix, process.execPath, "-e", program];
      const env = {
        PATH: process.env.PATH,
        NODE_PATH: path.join(opt, "nodejs/node_modules"),
        ORT_DISABLE_TELEMETRY: "1",
      };
      const graph = path.join(opt, "kilotune/backbone/serve.onnx");
      const { stdout, stderr } = spawnSync(command, [...args, graph], { cwd: folder, encoding: "utf8", env });
      return [stdout, stderr];
    };
    const right = [expect.stringMatching(/^embedding\b/), ""];
    expect(answer()).toEqual(right);
    // Lambda's arm64 machines tell nothing of their processors there (known fault 98).
    const hidden = [
      "unshare",
      "-m",
      "sh",
      "-c",
      'mount -t tmpfs none /sys/devices/system/cpu && exec "$@"',
      "sh",
    ];
    if (spawnSync(hidden[0] as string, [...hidden.slice(1), "true"]).status === 0)
      expect(answer(...hidden)).toEqual(right);
    else console.log("skipped: without word of the processors, since this user can't hide it");
  });

  it("of minilm-l6: at most 95 MB, and far from the limit", async ({ skip }) => {
    const bundle = bundleFolder(cacheFolder(process.env), "minilm-l6");
    if ((await stat(bundle).catch(() => undefined)) === undefined) skip("minilm-l6 isn't here");
    const { content } = await backboneContent(bundle);
    expect(content.unzippedBytes).toBeLessThan(95_000_000);
    expect(homeOf(content.unzippedBytes, 50_000_000)).toBe("layer");
  });
});
