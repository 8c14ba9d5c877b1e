import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ZipFile } from "yazl";
import { hostileFiles } from "../../../image/src/node/testing-hostile.ts";
import { openTestApi, type TestApi, type TestTenant, tune } from "../testing.ts";

let api: TestApi;
let tenant: TestTenant;
let png: Buffer;
const models: Record<string, string> = {};

beforeAll(async () => {
  // Some of these files take a decoder seconds on a busy machine.
  api = await openTestApi({ inferenceMs: 300_000 }, { images: true });
  tenant = await api.newTenant();
  png = await pngOf(6, 4);
  for (const task of ["classification", "segmentation", "detection"])
    models[task] = String((await tune(api, tenant, { model: "vit", task })).tunedModel);
  models.text = String((await tune(api, tenant)).tunedModel);
});
afterAll(() => api[Symbol.asyncDispose]());

const urlOf = (bytes: Uint8Array) => `data:image/png;base64,${Buffer.from(bytes).toString("base64")}`;
const pngOf = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: "#246" } })
    .png()
    .toBuffer();

describe("images", () => {
  it("are classified, segmented and detected, by their bytes or by file", async () => {
    const file = await tenant.upload(await pngOf(9, 5), "scan.png", "vision");
    expect(file.body).toMatchObject({ purpose: "vision", filename: "scan.png" });
    const images = [{ image: urlOf(png) }, { file_id: file.body.id }];
    const classes = await tenant.call("POST", "/v1/classify", {
      model: models.classification,
      images,
      top_k: 1,
    });
    expect(classes.body).toMatchObject({
      object: "list",
      model: models.classification,
      data: [
        { index: 0, label: expect.stringMatching(/:6x4$/), score: 0.75, truncated: false },
        { index: 1, label: expect.stringMatching(/:9x5$/) },
      ],
      usage: { prompt_tokens: 0, total_tokens: 0, images: 2 },
    });
    const masks = await tenant.call("POST", "/v1/segment", { model: models.segmentation, images });
    expect(masks.body.data[1]).toMatchObject({
      index: 1,
      width: 9,
      height: 5,
      mask: "AQID",
      classes: [{ share: 1 }],
    });
    const runs = await tenant.call("POST", "/v1/segment", {
      model: models.segmentation,
      images,
      format: "rle",
    });
    expect(runs.body.data[0].segments[0].segmentation).toEqual({ size: [4, 6], counts: "x" });
    const boxes = await tenant.call("POST", "/v1/detect", { model: models.detection, images });
    expect(boxes.body.data[1].objects).toMatchObject([{ box: [0, 0, 9, 5] }, { box: [0, 0, 1, 1] }]);
    const surest = { model: models.detection, images, threshold: 0.5, max_objects: 1 };
    expect((await tenant.call("POST", "/v1/detect", surest)).body.data[0].objects).toHaveLength(1);
  });

  it("are counted: in the usage, and as tokens of the minute whatever their bytes", async () => {
    const other = await api.newTenant({ tokensPerMinute: 4000 });
    const { tunedModel } = await tune(api, other, { model: "vit", task: "detection" });
    const images = [{ image: urlOf(png) }, { image: urlOf(png) }];
    const ask = () => other.call("POST", "/v1/detect", { model: tunedModel, images });
    const { status, headers } = await ask();
    expect([status, headers.get("x-ratelimit-remaining-tokens")]).toEqual([200, "2000"]);
    await ask();
    expect((await ask()).body.error.code).toBe("rate_limit_exceeded");
    const { data } = (await other.call("GET", "/v1/usage")).body;
    expect(data.find(({ model }: { model: string }) => model === tunedModel)).toMatchObject({
      requests: 2,
      tokens: 0,
      images: 4,
    });
  });

  it("are refused by what is wrong with them, and where; nothing is fetched", async () => {
    const { body: text } = await tenant.upload("plain text", "a.txt", "user_data");
    const good = { image: urlOf(png) };
    const cases: [unknown, number, string, string][] = [
      [{ image: "http://169.254.169.254/latest/meta-data" }, 422, "image_address", "images.1.image"],
      [{ image: "https://example.org/a.png" }, 422, "image_address", "images.1.image"],
      [{ image: "file:///etc/passwd" }, 422, "image_address", "images.1.image"],
      [{ image: "iVBORw0KGgo=" }, 422, "image_data_url", "images.1.image"],
      [{ image: "data:image/png;base64,####" }, 422, "image_data_url", "images.1.image"],
      [{ image: urlOf(Buffer.from("no image")) }, 422, "image_format", "images.1.image"],
      [{ image: urlOf(png.subarray(0, 50)) }, 422, "image_unreadable", "images.1.image"],
      [{ file_id: "file-unknown" }, 404, "not_found", "images.1.file_id"],
      [{ file_id: text.id }, 400, "invalid_value", "images.1.file_id"],
      [{ image: urlOf(png), file_id: text.id }, 400, "invalid_request", "images.1"],
      [{ url: urlOf(png) }, 400, "invalid_request", "images.1"],
      [{ image: { url: urlOf(png) } }, 400, "invalid_request", "images.1"],
      ["https://example.org/a.png", 400, "invalid_request", "images.1"],
    ];
    for (const [bad, status, code, param] of cases) {
      const answer = await tenant.call("POST", "/v1/detect", {
        model: models.detection,
        images: [good, bad],
      });
      const seen = answer.body.error;
      expect([answer.status, seen.code], JSON.stringify(bad)).toEqual([status, code]);
      expect(seen.param, JSON.stringify(bad)).toMatch(new RegExp(`^${param}`));
    }
    for (const images of [[], undefined, Array.from({ length: 17 }, () => good)])
      expect((await tenant.call("POST", "/v1/segment", { model: models.segmentation, images })).status).toBe(
        400,
      );
  });

  it("that are too large for one call are told of files", async () => {
    const huge = { image: `data:image/png;base64,${"A".repeat(9 * 2 ** 20)}` };
    const { status, body } = await tenant.call("POST", "/v1/detect", {
      model: models.detection,
      images: [huge],
    });
    expect([status, body.error.code]).toEqual([413, "body_too_large"]);
    expect(body.error.message).toContain("file_id");
  });

  it("made to hurt a decoder are 4xx, as bytes and as files, and the server stays up", async () => {
    const jpeg = await readFile(new URL("../../../image/src/goldens/cmyk.jpg", import.meta.url));
    for (const [name, bytes] of Object.entries(await hostileFiles(jpeg))) {
      const asked = { model: models.classification, images: [{ image: urlOf(bytes) }] };
      const answer = await tenant.call("POST", "/v1/classify", asked);
      const readable = name === "pngOfZeros" || name === "pngTextBomb";
      expect([name, answer.status]).toEqual([name, readable ? 200 : 422]);
      const file = await tenant.upload(bytes, `${name}.png`, "vision");
      expect([name, file.status]).toEqual([name, readable ? 200 : 422]);
      if (!readable) expect(file.body.error).toMatchObject({ param: "file", code: expect.any(String) });
    }
    expect((await tenant.call("GET", "/v1/models")).status).toBe(200);
  });
});

describe("a model", () => {
  it("asked for another task, or with what it doesn't read, says what it is for", async () => {
    const images = [{ image: urlOf(png) }];
    const cases: [string, object, string][] = [
      ["/v1/detect", { model: models.text, images }, "POST /v1/classify"],
      ["/v1/detect", { model: models.segmentation, images }, "POST /v1/segment"],
      ["/v1/segment", { model: models.detection, images }, "POST /v1/detect"],
      ["/v1/classify", { model: models.detection, images }, "POST /v1/detect"],
      ["/v1/classify", { model: models.text, images }, "reads texts"],
      ["/v1/classify", { model: models.classification, input: "a text" }, "reads images"],
      ["/v1/embeddings", { model: "vit", input: "a text" }, "reads images"],
      ["/v1/segment", { model: "vit", images }, "is a backbone"],
    ];
    for (const [path, body, told] of cases) {
      const answer = await tenant.call("POST", path, body);
      expect([answer.status, answer.body.error.code], told).toEqual([400, "unsupported_model"]);
      expect(answer.body.error.message).toContain(told);
    }
    const both = { model: models.classification, images, input: "a text" };
    expect((await tenant.call("POST", "/v1/classify", both)).body.error).toMatchObject({
      code: "invalid_request",
      param: "input",
    });
  });

  it("of another tenant, and another's image, aren't there", async () => {
    const stranger = await api.newTenant();
    const { body: file } = await tenant.upload(png, "private.png", "vision");
    const mine = await tune(api, stranger, { model: "vit", task: "detection" });
    const ask = (model: unknown, file_id: string) =>
      stranger.call("POST", "/v1/detect", { model, images: [{ file_id }] });
    const [foreign, unknown] = [await ask(mine.tunedModel, file.id), await ask(mine.tunedModel, "file-x")];
    expect(foreign.status).toBe(404);
    expect(foreign.text).toBe(unknown.text);
    expect((await ask(models.detection, file.id)).body.error.code).toBe("model_not_found");
  });
});

describe("batches", () => {
  it("answer images as calls do, and count them", async () => {
    const { body: image } = await tenant.upload(png, "b.png", "vision");
    const line = (custom_id: string, images: object[]) =>
      JSON.stringify({
        custom_id,
        method: "POST",
        url: "/v1/detect",
        body: { model: models.detection, images },
      });
    const lines = [
      line("a", [{ file_id: image.id }, { image: urlOf(png) }]),
      line("b", [{ file_id: "file-x" }]),
      line("c", [{ image: urlOf(Buffer.from("no image")) }]),
    ];
    const { body: input } = await tenant.upload(lines.join("\n"), "batch.jsonl", "batch");
    const { body: made } = await tenant.call("POST", "/v1/batches", {
      input_file_id: input.id,
      endpoint: "/v1/detect",
      completion_window: "24h",
    });
    await api.runBatch(tenant, made.id);
    const { body: done } = await tenant.call("GET", `/v1/batches/${made.id}`);
    expect(done.request_counts).toEqual({ total: 3, completed: 1, failed: 2 });
    const output = await tenant.call("GET", `/v1/files/${done.output_file_id}/content`);
    expect(JSON.parse(output.text).response.body.usage).toEqual({ images: 2 });
    const errors = await tenant.call("GET", `/v1/files/${done.error_file_id}/content`);
    const codes = errors.text
      .trim()
      .split("\n")
      .map((each) => JSON.parse(each).response.status_code);
    expect(codes).toEqual([404, 422]);
  });
});

describe("a data set", () => {
  it("of rows and images comes as a zip, or as rows that hold them", async () => {
    const other = await pngOf(30, 20);
    const rows = [
      { image: "pics/a.png", objects: [{ label: "cell", box: [0, 0, 3, 3] }] },
      { image: "pics/b.png", objects: [] },
    ];
    const zip = await zipOf({
      "set/train.jsonl": jsonl(rows),
      "set/pics/a.png": png,
      "set/pics/b.png": other,
    });
    const { status, body } = await tenant.upload(zip, "cells.zip");
    expect([status, body.bytes]).toEqual([200, zip.length]);
    const content = await tenant.upload(
      jsonl([
        { image: urlOf(png), label: "a" },
        { image: urlOf(other), label: "b" },
      ]),
      "rows.jsonl",
    );
    expect(content.status).toBe(200);
  });

  it("whose images are wrong is refused whole, by line and image", async () => {
    const rows = [
      { image: "a.png", mask: "a-mask.png" },
      { image: "cut.png", mask: "a-mask.png" },
      { image: "gone.png", mask: "a-mask.png" },
      { image: "../a.png", mask: "a-mask.png" },
      { image: "http://169.254.169.254/a.png", mask: "a-mask.png" },
    ];
    const zip = await zipOf({
      "train.jsonl": jsonl(rows),
      "a.png": png,
      "cut.png": png.subarray(0, 60),
      "a-mask.png": await pngOf(3, 3),
    });
    const { status, body } = await tenant.upload(zip, "membrane.zip");
    expect([status, body.error.code]).toEqual([400, "invalid_training_file"]);
    const told = body.error.issues.map(({ line, code }: { line: number; code: string }) => [line, code]);
    expect(told).toContainEqual([1, "mask_kind"]);
    expect(told).toContainEqual([2, "image_unreadable"]);
    expect(told).toContainEqual([3, "image_not_found"]);
    expect(told).toContainEqual([4, "image_path"]);
    expect(told).toContainEqual([5, "image_address"]);
    expect(body.error.issues.find(({ line }: { line: number }) => line === 2).message).toContain("cut.png");
  });

  it("in a zip that is none, climbs out, holds a bomb or no rows is refused", async () => {
    const rows = jsonl([
      { image: "a.png", label: "x" },
      { image: "a.png", label: "y" },
    ]);
    const plain = await zipOf({ "train.jsonl": rows, "a.png": png });
    const climbing = Buffer.from(plain);
    for (let at = climbing.indexOf("a.png"); at >= 0; at = climbing.indexOf("a.png", at + 1))
      if (climbing[at - 1] !== 0x22) climbing.write("../pg", at);
    const bomb = await zipOf({ "train.jsonl": rows, "a.png": new Uint8Array(40 * 2 ** 20) });
    const cases: [string, Uint8Array, string][] = [
      ["none", Buffer.from("no zip at all"), "zip_damaged"],
      ["cut", plain.subarray(0, plain.length - 30), "zip_damaged"],
      ["climbs", climbing, "zip_damaged"],
      ["bomb", bomb, "zip_too_large"],
      ["no rows", await zipOf({ "a.png": png }), "zip_rows"],
    ];
    for (const [name, bytes, code] of cases) {
      const { status, body } = await tenant.upload(bytes, `${name}.zip`);
      expect([name, status, body.error.issues?.[0].code]).toEqual([name, 400, code]);
    }
  });
});

function jsonl(rows: readonly object[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}

async function zipOf(files: Readonly<Record<string, string | Uint8Array>>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(files)) zip.addBuffer(Buffer.from(content), name);
  zip.end();
  const parts: Buffer[] = [];
  for await (const part of zip.outputStream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
