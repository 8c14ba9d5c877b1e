import { spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { createSharpCodec, encodePng } from "@kilotune/image/node";
import { decodeImage } from "@kilotune/image";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** A task of images on the command line, from rows to a drawing, on real processes and a backbone of random weights. */

const root = path.join(import.meta.dirname, "..");
const bin = path.join(root, "packages/cli/bin/kilotune.mjs");
const tiny = path.join(root, "packages/backbone/src/vision/goldens/dinov2");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-images-"));
  await mkdir(path.join(folder, "images"));
  for (const [name, count] of [
    ["train", 12],
    ["validation", 6],
  ] as const) {
    const rows: string[] = [];
    for (let row = 0; row < count; row++) {
      const image = `images/${name}-${row}.png`;
      const box = [2 + (row % 4), 3, 8 + (row % 4), 10];
      await writeFile(path.join(folder, image), await brightBox(box, row));
      rows.push(`${JSON.stringify({ image, objects: [{ label: "bright", box }] })}\n`);
    }
    await writeFile(path.join(folder, `${name}.jsonl`), rows.join(""));
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function brightBox([left, top, right, bottom]: number[], seed: number): Promise<Uint8Array> {
  const [width, height] = [16, 14];
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const inside = x >= left! && x < right! && y >= top! && y < bottom!;
      data[y * width + x] = (inside ? 180 : 20) + ((x * 7 + y * 13 + seed * 29) % 40);
    }
  return encodePng({ width, height, channels: 1, data });
}

function start(...argv: string[]) {
  return spawn(process.execPath, [bin, ...argv], {
    cwd: folder,
    env: { ...process.env, KILOTUNE_CACHE: path.join(folder, "cache") },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function kilotune(...argv: string[]) {
  const child = start(...argv);
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  return { code, stdout, stderr };
}

describe("detection on the command line", () => {
  const tune = [
    ...["tune", "train.jsonl", "--task", "detect", "--validation", "validation.jsonl"],
    ...["--test", "validation.jsonl", "--backbone", tiny, "--epochs", "2", "--rank", "2"],
    ...["--out", "prompt.safetensors", "--report", "report.html", "--json"],
  ];

  it("tunes, and the prompt finds, draws and is measured", async () => {
    const tuned = await kilotune(...tune);
    expect(tuned.code).toBe(0);
    expect(JSON.parse(tuned.stdout)).toMatchObject({
      test: { map50: expect.any(Number) },
      baselines: { headAlone: expect.any(Number) },
    });
    const report = await readFile(path.join(folder, "report.html"), "utf8");
    expect(report).toContain("mAP@0.5");
    expect(report).toContain("data:image/webp;base64,");

    const detect = ["detect", "--prompt", "prompt.safetensors", "--backbone", tiny];
    const found = await kilotune(
      ...detect,
      "images/train-0.png",
      "--threshold",
      "0",
      "--render",
      "out.png",
      "--json",
    );
    expect(found.code).toBe(0);
    const { width, height, objects } = JSON.parse(found.stdout) as {
      width: number;
      height: number;
      objects: { label: string; box: number[] }[];
    };
    expect([width, height]).toEqual([16, 14]);
    for (const { label, box } of objects) {
      expect(label).toBe("bright");
      expect(box.every((side, at) => side >= 0 && side <= [16, 14][at % 2]!)).toBe(true);
    }
    const drawn = await decodeImage(createSharpCodec(), await readFile(path.join(folder, "out.png")));
    expect([drawn.width, drawn.height]).toEqual([16, 14]);

    const images = ["images/train-0.png", "images/train-1.png"];
    const exported = ["--threshold", "0", "--most", "3", "--coco", "out/found.json", "--yolo", "out/labels"];
    const written = await kilotune(...detect, ...images, ...exported);
    expect(written.code).toBe(0);
    expect(written.stderr).toContain("--image-folder images");
    const coco = JSON.parse(await readFile(path.join(folder, "out/found.json"), "utf8"));
    expect(coco.images).toMatchObject([{ file_name: "train-0.png", width: 16, height: 14 }, {}]);
    for (const { bbox, score } of coco.annotations) {
      expect(bbox).toHaveLength(4);
      expect(score).toBeGreaterThanOrEqual(0);
    }
    expect(await readFile(path.join(folder, "out/labels/classes.txt"), "utf8")).toBe("bright\n");
    const readBack = ["lint", "out/found.json", "--images", "detect", "--json"];
    expect((await kilotune(...readBack)).code).toBe(1);
    const linted = await kilotune(...readBack, "--image-folder", "images");
    expect(JSON.parse(linted.stdout)).toMatchObject({ rows: 2, labels: { bright: coco.annotations.length } });
    // What was written is what a data set of boxes is read from.
    for (const image of images)
      await copyFile(path.join(folder, image), path.join(folder, "out/labels", path.basename(image)));
    const again = await kilotune("lint", "out/labels", "--images", "detect", "--json");
    expect(again.code).toBe(0);
    expect(JSON.parse(again.stdout)).toMatchObject({
      rows: 2,
      labels: { bright: coco.annotations.length },
    });

    const measured = await kilotune(
      "evaluate",
      "--prompt",
      "prompt.safetensors",
      "--backbone",
      tiny,
      "validation.jsonl",
      "--json",
    );
    expect(measured.code).toBe(0);
    expect(JSON.parse(measured.stdout)).toMatchObject({ rows: 6, figures: { map50: expect.any(Number) } });

    const other = await kilotune("segment", "--prompt", "prompt.safetensors", "images/train-0.png", "--json");
    expect(other.code).toBe(2);
    expect(JSON.parse(other.stdout)).toMatchObject({ error: { code: "wrong_task" } });
  });

  it("goes on from that prompt by its own method, and is made again from the receipt and both files", async () => {
    const data = ["train.jsonl", "--validation", "validation.jsonl"];
    const on = ["--init", "prompt:prompt.safetensors", "--epochs", "1", "--out", "next.safetensors"];
    const next = await kilotune("tune", ...data, "--task", "detect", "--backbone", tiny, ...on, "--json");
    expect(next.code).toBe(0);
    expect(next.stderr).toContain("Note: It goes on from");
    const again = ["reproduce", "next.safetensors", "--data", ...data, "--backbone", tiny, "--json"];
    expect((await kilotune(...again)).code).toBe(2);
    const same = await kilotune(...again, "--init", "prompt.safetensors");
    expect(same.code).toBe(0);
    expect(JSON.parse(same.stdout.trimEnd().split("\n").at(-1) as string)).toMatchObject({ same: true });
  });

  it("tunes a detector's own export, which jobs take as it is", async () => {
    const yolo = path.join(root, "packages/backbone/src/frozen/goldens/with-nms.onnx");
    const built = await kilotune("backbone", "build", yolo, "--json");
    expect(built.code).toBe(0);
    const { stages, leftOut } = JSON.parse(built.stdout) as { stages: { name: string }[]; leftOut: string[] };
    expect(stages.map(({ name }) => name)).toContain("P4");
    expect(leftOut).toEqual(["NonMaxSuppression"]);
    const out = ["--backbone", yolo, "--epochs", "2", "--out", "yolo.safetensors", "--json"];
    const files = ["tune", "train.jsonl", "--task", "detect", "--validation", "validation.jsonl"];
    expect((await kilotune(...files, ...out)).code).toBe(0);
    const found = ["detect", "--prompt", "yolo.safetensors", "--backbone", yolo, "images/train-0.png"];
    const answer = await kilotune(...found, "--threshold", "0", "--json");
    expect(answer.code).toBe(0);
    expect(JSON.parse(answer.stdout)).toMatchObject({ width: 16, height: 14 });
  });

  it("goes on after kill -9 to the bytes that it would have had", async () => {
    const long = ["tune", "train.jsonl", "--task", "detect", "--validation", "validation.jsonl"];
    const given = [...long, "--backbone", tiny, "--epochs", "12", "--rank", "2"];
    const whole = await kilotune(...given, "--out", "whole.safetensors");
    expect(whole.code).toBe(0);

    const child = start(...given, "--out", "killed.safetensors");
    const ended = new Promise((resolve) => child.on("close", resolve));
    const checkpoints = path.join(folder, "killed.safetensors.checkpoint");
    while ((await readdir(checkpoints).catch(() => [])).length === 0) await setTimeout(5);
    child.kill("SIGKILL");
    await ended;
    expect(child.signalCode).toBe("SIGKILL");

    const resumed = await kilotune(...given, "--out", "killed.safetensors", "--resume");
    expect(resumed.code).toBe(0);
    const file = (name: string) => readFile(path.join(folder, name));
    expect((await file("killed.safetensors")).equals(await file("whole.safetensors"))).toBe(true);
  });
});
