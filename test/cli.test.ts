import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** The contract of the command line, on real processes: shapes, exit codes, what goes where, bad input. */

const root = path.join(import.meta.dirname, "..");
const bin = path.join(root, "packages/cli/bin/kilotune.mjs");
/** Two layers with random weights: answers are nonsense, everything else is as ever. */
const tiny = path.join(root, "packages/backbone/src/bert/goldens/tiny");

let folder: string;
let train: string;
let test: string;
let prompt: string;
let tuned: Ran;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-contract-"));
  train = await fileOf("train.jsonl", rows(12));
  test = await fileOf("test.jsonl", rows(4));
  prompt = path.join(folder, "made", "prompt.safetensors");
  tuned = await kilotune(
    [
      "tune",
      train,
      "--test",
      test,
      "--backbone",
      tiny,
      "--epochs",
      "2",
      "--tokens",
      "2",
      "--first-layer",
      "1",
    ].concat(["--out", prompt, "--report", path.join(folder, "made", "report.html"), "--json"]),
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Of stdout, each parsed. */
  lines(): unknown[];
}

async function kilotune(argv: readonly string[], given: Given = {}): Promise<Ran> {
  const { process: child, ended } = start(argv, given);
  child.stdin.end(given.stdin ?? "");
  return ended;
}

interface Given {
  readonly env?: Record<string, string>;
  readonly stdin?: string;
}

function start(argv: readonly string[], { env = {} }: Given = {}) {
  const child = spawn(process.execPath, [bin, ...argv], {
    cwd: folder,
    env: { ...process.env, KILOTUNE_CACHE: path.join(folder, "cache"), ...env },
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  // A command that has failed already doesn't read what it is given.
  child.stdin.on("error", () => {});
  const { promise, resolve } = Promise.withResolvers<Ran>();
  child.on("close", (code) => {
    const lines = () =>
      stdout
        .trimEnd()
        .split("\n")
        .map((line): unknown => JSON.parse(line));
    resolve({ code, stdout, stderr, lines });
  });
  return { process: child, ended: promise };
}

async function fileOf(name: string, content: string | Uint8Array): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, content);
  return file;
}

function rows(each: number): string {
  return Array.from({ length: each }, (_, at) => [
    JSON.stringify({ text: `where is parcel number ${at} of mine`, label: "delivery" }),
    JSON.stringify({ text: `please give back the money for order ${at}`, label: "refund" }),
    JSON.stringify({ text: `how do i clean kettle ${at}`, label: "__proto__" }),
  ])
    .flat()
    .join("\n");
}

const share = expect.toSatisfy((value: unknown) => typeof value === "number" && value >= 0 && value <= 1);

describe("results with --json", () => {
  it("tune: the prompt, its figures, the baselines', the verdict, the times", async () => {
    expect(tuned.code, tuned.stderr).toBe(0);
    expect(tuned.lines()).toEqual([
      {
        prompt: {
          path: prompt,
          id: expect.stringMatching(/^sha256-[0-9a-f]{64}$/),
          sizeBytes: (await readFile(prompt)).length,
          method: expect.stringMatching(/^(kv|head)$/),
        },
        test: { accuracy: share, macroF1: share },
        baselines: { majority: share, classMean: share, knn: share, linearProbe: share },
        verdict: {
          best: expect.any(String),
          margin: expect.any(Number),
          significant: expect.any(Boolean),
        },
        seconds: { prepare: expect.any(Number), tune: expect.any(Number), evaluate: expect.any(Number) },
        epochs: expect.any(Number),
      },
    ]);
    expect((await readdir(path.join(folder, "made"))).sort()).toEqual(["prompt.safetensors", "report.html"]);
    expect(tuned.stderr).not.toContain("\u001b");
  });

  it("classify: one line a text, __proto__ among the scores, --alone and neighbours bit-equal", async () => {
    const texts = ["where is it", "money back", "kettle"];
    const common = ["classify", "--prompt", prompt, "--backbone", tiny, "--json", "--logits"];
    const together = await kilotune([...common, ...texts]);
    expect(together.code, together.stderr).toBe(0);
    const lines = together.lines() as { scores: Record<string, number> }[];
    expect(lines).toHaveLength(3);
    expect(lines[0]).toEqual({
      text: "where is it",
      label: expect.any(String),
      score: share,
      scores: expect.any(Object),
      logits: [expect.any(Number), expect.any(Number), expect.any(Number)],
      truncated: false,
      prompt,
    });
    expect(Object.keys(lines[0]!.scores).sort()).toEqual(["__proto__", "delivery", "refund"]);
    const alone = await kilotune([...common, "--alone"], { stdin: texts.join("\n") });
    expect(alone.stdout).toBe(together.stdout);
  });

  it("classify --file: answers up to a bad line, then says which it is", async () => {
    const file = await fileOf("some.jsonl", '{"text":"one"}\n{"text":7}\n{"text":"three"}\n');
    const ran = await kilotune([
      "classify",
      "--prompt",
      prompt,
      "--backbone",
      tiny,
      "--json",
      "--file",
      file,
    ]);
    expect(ran.code).toBe(1);
    expect(ran.lines()).toMatchObject([
      { text: "one" },
      { error: { code: "bad_text", message: expect.stringContaining("line 2") } },
    ]);
  });

  it("evaluate: figures and confusion; labels that the prompt doesn't know are named", async () => {
    const file = await fileOf("more.jsonl", `${rows(2)}\n{"text":"hello there","label":"greeting"}\n`);
    const ran = await kilotune(["evaluate", "--prompt", prompt, "--backbone", tiny, file, "--json"]);
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.lines().at(-1)).toMatchObject({
      rows: 7,
      accuracy: share,
      macroF1: share,
      labels: ["__proto__", "delivery", "refund"],
      confusion: [expect.any(Array), expect.any(Array), expect.any(Array)],
      unknownLabels: { greeting: 1 },
      precision: "fp32",
    });
  });

  it("evaluate --precision: measured in the other one, and told so", async () => {
    const asked = ["evaluate", "--prompt", prompt, "--backbone", tiny, "--precision", "int8", test, "--json"];
    const ran = await kilotune(asked);
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.lines().at(-1)).toMatchObject({ rows: 12, precision: "int8" });
    expect(ran.stderr).toContain("was measured in fp32 and answers in int8 here");
  });

  it("inspect: manifest, sizes, checks", async () => {
    const ran = await kilotune(["inspect", prompt, "--json"]);
    expect(ran.code).toBe(0);
    expect(ran.lines().at(-1)).toMatchObject({
      path: prompt,
      manifest: { labels: ["__proto__", "delivery", "refund"], backbone: { id: "tiny" } },
      tensors: expect.any(Array),
      checks: expect.any(Array),
    });
  });

  it("backbone list and verify", async () => {
    const list = await kilotune(["backbone", "list", "--json"]);
    const away = { fetched: false, built: false };
    expect(list.lines()).toMatchObject([
      {
        backbones: [
          { id: "minilm-l6", ...away },
          { id: "multilingual-e5-small-q4", ...away },
          { id: "vit-s14-saliency", ...away },
        ],
      },
    ]);
    const verify = await kilotune(["backbone", "verify", "minilm-l6", "--json"]);
    expect(verify.code).toBe(1);
    expect(verify.lines()).toMatchObject([{ id: "minilm-l6", complete: false }]);
  });
});

describe("a prompt's backbone", () => {
  it("is never opened by a name in the file: that is a stranger's text", async () => {
    const ran = await kilotune(["classify", "--prompt", prompt, "text"]);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain("--backbone ./folder");
  });

  it("must be the one that it was tuned on: another is refused with both hashes", async () => {
    const cache = process.env.KILOTUNE_CACHE ?? path.join(os.homedir(), ".cache", "kilotune");
    const ran = await kilotune(
      ["classify", "--prompt", prompt, "--backbone", "minilm-l6", "text", "--json"],
      {
        env: { KILOTUNE_CACHE: cache },
      },
    );
    expect(ran.code).toBe(1);
    const [{ error }] = ran.lines() as [{ error: { code: string; message: string } }];
    expect(error.code).toBe("backbone_mismatch");
    expect(error.message).toContain("53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db");
    expect(error.message.match(/[0-9a-f]{64}/g)!.length).toBeGreaterThanOrEqual(2);
  });
});

describe("bad input is refused with code, cause and remedy, without a stack", () => {
  async function refused(argv: readonly string[], code: string) {
    const before = (await readdir(folder, { recursive: true })).sort();
    const ran = await kilotune([...argv, "--json"]);
    expect(ran.code, ran.stderr).toBe(1);
    expect(ran.lines().at(-1)).toEqual({
      error: { code, message: expect.stringMatching(/./), hint: expect.stringMatching(/./) },
    });
    expect(ran.stderr).not.toMatch(/^ {4}at /m);
    expect((await readdir(folder, { recursive: true })).sort()).toEqual(before);
  }

  const header = (length: bigint, json: string) => {
    const bytes = Buffer.alloc(8 + Buffer.byteLength(json));
    bytes.writeBigUInt64LE(length);
    bytes.write(json, 8);
    return bytes;
  };

  it.each<[string, (whole: Buffer) => Uint8Array, string]>([
    ["a truncated file", (whole) => whole.subarray(0, whole.length - 100), "bad_safetensors"],
    ["a header of 2^63", () => header(2n ** 63n, "{}"), "bad_safetensors"],
    [
      "NaN weights",
      (whole) => Buffer.concat([whole.subarray(0, -2), Buffer.from([0x00, 0x7e])]),
      "non_finite",
    ],
    ["a pickle", () => Buffer.from("80027d7100580100000061710158010000006271022e", "hex"), "bad_safetensors"],
    ["an empty file", () => Buffer.alloc(0), "bad_safetensors"],
  ])("prompt: %s", async (name, make, code) => {
    const file = await fileOf(`${name.replaceAll(/\W/g, "-")}.safetensors`, make(await readFile(prompt)));
    await refused(["inspect", file], code);
  });

  it.each<[string, string | Uint8Array, string]>([
    ["a JSONL of 0 bytes", "", "empty_file"],
    ["a binary", Buffer.from("7f454c4602010100000000", "hex"), "binary"],
    ["UTF-16", Buffer.from('\ufeff{"text":"a"}', "utf16le"), "utf16"],
    ["a line without end", "x".repeat(3 << 20), "line_too_long"],
    ["a JSON array", '[{"text":"a","label":"b"}]', "not_json_lines"],
  ])("training data: %s, before a backbone is fetched", async (name, content, code) => {
    const file = await fileOf(`${name.replaceAll(/\W/g, "-")}.jsonl`, content);
    await refused(["tune", file, "--out", path.join(folder, "never.safetensors")], code);
  });

  it("a folder, a missing file, a checkpoint that isn't one", async () => {
    await refused(["tune", folder], "not_a_file");
    await refused(["tune", path.join(folder, "none.jsonl")], "file_not_found");
    await refused(["inspect", folder], "not_a_file");
    await mkdir(path.join(folder, "hollow"));
    await refused(["backbone", "build", path.join(folder, "hollow")], "missing_file");
  });
});

describe("the other exit codes", () => {
  it("2: nonsense numbers, unknown commands and flags, with nothing on stdout", async () => {
    for (const argv of [
      ["tune", train, "--epochs", "-3"],
      ["tnue", train],
      ["tune", train, "--sed", "1"],
    ]) {
      const ran = await kilotune(argv);
      expect(ran.code).toBe(2);
      expect(ran.stdout).toBe("");
      expect(ran.stderr).toContain("--help");
    }
  });

  it("3: without a network it says which file is missing and where to put it", async () => {
    const tools = await mkdtemp(path.join(folder, "tools-"));
    // A Python whose pip fails at once, so that nothing is fetched on a machine that has one.
    await writeFile(path.join(tools, "python3"), "#!/bin/sh\necho 'ERROR: no network' >&2\nexit 1\n", {
      mode: 0o755,
    });
    const cache = path.join(folder, "empty-cache");
    const ran = await kilotune(["tune", train, "--json", "--out", path.join(folder, "never.safetensors")], {
      env: {
        KILOTUNE_CACHE: cache,
        KILOTUNE_HUB: "http://127.0.0.1:9",
        PATH: `${tools}${path.delimiter}${process.env.PATH}`,
      },
    });
    expect(ran.code).toBe(3);
    const [{ error }] = ran.lines() as [{ error: { code: string; message: string; hint: string } }];
    expect(error.code).toBe("download_failed");
    expect(error.hint).toContain(path.join(cache, "backbones", "minilm-l6", "source", "model.safetensors"));
    expect(error.hint).toContain("53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db");
  });

  it("ends quietly when its reader goes", async () => {
    const file = await fileOf("long.jsonl", `${'{"text":"where is it"}\n'.repeat(3000)}`);
    const child = start(["classify", "--prompt", prompt, "--backbone", tiny, "--file", file]);
    child.process.stdout.once("data", () => child.process.stdout.destroy());
    const { code, stderr } = await child.ended;
    expect(code).toBe(0);
    expect(stderr).toBe("");
  });
});

describe("Ctrl-C while tuning", () => {
  it("leaves a checkpoint that --resume continues to the identical bytes", async () => {
    const argv = (out: string) =>
      ["tune", train, "--validation", test, "--backbone", tiny, "--out", out].concat([
        "--first-layer",
        "0",
        "--tokens",
        "32",
        "--epochs",
        "40",
      ]);
    const whole = path.join(folder, "whole.safetensors");
    const stopped = path.join(folder, "stopped.safetensors");
    expect((await kilotune(argv(whole))).code).toBe(0);

    const child = start(argv(stopped));
    while (!existsSync(`${stopped}.checkpoint`)) await setTimeout(10);
    child.process.kill("SIGINT");
    const { code, stderr } = await child.ended;
    expect(code, stderr).toBe(130);
    expect(stderr).toContain("--resume");
    expect(await readdir(folder)).not.toContain("stopped.safetensors");

    expect((await kilotune([...argv(stopped), "--resume"])).code).toBe(0);
    expect(await readFile(stopped)).toEqual(await readFile(whole));
  }, 180_000);
});
