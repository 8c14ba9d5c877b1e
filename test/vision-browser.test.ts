import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { serve } from "@hono/node-server";
import { tinyVisionBackbone } from "@kilotune/backbone/testing";
import { createSharpCodec, encodePng } from "@kilotune/image/node";
import { decodePrompt, encodePrompt } from "@kilotune/prompt";
import {
  createVisionPredictor,
  type ImageClasses,
  type ImageMap,
  type ImageObjects,
} from "@kilotune/serving";
import { expect, it, vi } from "vitest";
import {
  type ImagePromptShape,
  randomImagePrompt,
  randomPixels,
} from "../packages/serving/src/vision/testing.ts";
import { CHROMIUM, openPage } from "./setup/chromium.ts";

/** Classes, masks and boxes of images in a real browser, by the sources that the server runs: the same answers. */

const root = path.join(import.meta.dirname, "..");
const PAGE = "/test/setup/vision-page.ts";

const SHAPES: Readonly<Record<string, ImagePromptShape>> = {
  "kind.safetensors": { task: "classification", method: "kv", tokens: 2 },
  "mask.safetensors": { task: "segmentation", method: "lora", tokens: 2, taps: [1], size: 0.2 },
  "boxes.safetensors": { task: "detection", method: "soft", tokens: 2, taps: [2] },
};

it.skipIf(CHROMIUM === undefined)("a page classifies, segments and detects as the server does", async () => {
  await using tiny = await tinyVisionBackbone();
  const { manifest } = tiny.backbone;
  const files = new Map<string, Uint8Array>();
  for (const [at, [name, shape]] of Object.entries(SHAPES).entries())
    files.set(name, encodePrompt(randomImagePrompt(manifest, at + 1, shape).prompt, { storage: "float32" }));
  for (const [name, seed, width, height] of [
    ["a.png", 1, 40, 30],
    ["b.png", 2, 12, 12],
  ] as const)
    files.set(name, await encodePng(randomPixels(seed, width, height)));
  const [prompts, images] = [Object.keys(SHAPES), ["a.png", "b.png"]];

  let told: unknown;
  const server = serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/page") return html(prompts, images);
      if (pathname === "/told") {
        // What went wrong first is what went wrong.
        told ??= await request.json();
        return new Response();
      }
      const own = files.get(pathname.replace("/files/", ""));
      if (own !== undefined) return new Response(Uint8Array.from(own));
      if (pathname.startsWith("/backbone/"))
        return new Response(await readFile(path.join(tiny.bundle, path.basename(pathname))));
      if (!/^\/(?:packages|node_modules|test)\//.test(pathname) || !existsSync(path.join(root, pathname)))
        return new Response(null, { status: 404 });
      const source = await readFile(path.join(root, pathname));
      const isTypeScript = pathname.endsWith(".ts");
      const type = pathname.endsWith(".wasm") ? "application/wasm" : "text/javascript";
      return new Response(isTypeScript ? stripTypeScriptTypes(source.toString()) : source, {
        headers: { "content-type": type },
      });
    },
  });
  await once(server, "listening");
  await using page = await openPage(`http://127.0.0.1:${(server.address() as AddressInfo).port}/page`);
  page.browser.once("exit", () => {
    told ??= "The browser has ended.";
  });
  try {
    const seen = (await vi.waitUntil(() => told, { timeout: 50_000 })) as readonly [
      ImageClasses,
      ImageMap,
      ImageObjects,
    ][];
    if (!Array.isArray(seen)) throw new Error(JSON.stringify(seen));
    const predictor = await createVisionPredictor({
      backbone: tiny.backbone,
      codec: createSharpCodec(),
      loadPrompt: async (name) => decodePrompt(files.get(name)!),
    });
    for (const [at, name] of images.entries()) {
      const image = files.get(name)!;
      const requests = prompts.map((prompt) => ({ image, prompt }));
      const [kind, mask, boxes] = (await predictor.answer(requests)) as [
        ImageClasses,
        ImageMap,
        ImageObjects,
      ];
      const [ownKind, ownMask, ownBoxes] = seen[at]!;
      // A canvas rounds colours by one of 255 at the most.
      expect(ownKind.label).toBe(kind.label);
      expect(ownKind.score).toBeCloseTo(kind.score!, 2);
      const { width, height, data } = mask.map;
      expect(ownMask.map).toMatchObject({ width, height });
      const same = data.filter((label, pixel) => label === ownMask.map.data[pixel]).length;
      expect(same / data.length).toBeGreaterThan(0.98);
      expect(new Set(data).size).toBeGreaterThan(1);
      expect(ownBoxes.objects.length).toBeGreaterThan(0);
      expect(Math.abs(ownBoxes.objects.length - boxes.objects.length)).toBeLessThan(2);
      const [first, ownFirst] = [boxes.objects[0]!, ownBoxes.objects[0]!];
      expect(ownFirst.label).toBe(first.label);
      ownFirst.box.forEach(
        (side: number, i: number) => void expect(Math.abs(side - first.box[i]!)).toBeLessThan(0.5),
      );
    }
    await predictor.close();
  } finally {
    server.close();
  }
});

function html(prompts: readonly string[], images: readonly string[]): Response {
  const own = (name: string, file = "index") => `/packages/${name}/src/${file}.ts`;
  const imports = {
    "@kilotune/contract": own("contract"),
    "@kilotune/contract/spans": own("contract", "spans/index"),
    "@kilotune/engine": own("engine"),
    "@kilotune/engine/web": own("engine", "session/web"),
    "@kilotune/image": own("image"),
    "@kilotune/image/browser": own("image", "browser/index"),
    "@kilotune/image/masks": own("image", "masks/index"),
    "@kilotune/heads": own("heads"),
    "@kilotune/prompt": own("prompt"),
    "@kilotune/backbone/web": own("backbone", "vision/web"),
    "@kilotune/serving/vision": own("serving", "vision/index"),
    "onnxruntime-web": "/node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs",
    "@opentelemetry/api": "/node_modules/@opentelemetry/api/dist/index.mjs",
    "@bufbuild/protobuf": "/node_modules/@bufbuild/protobuf/dist/esm/index.js",
    "@bufbuild/protobuf/codegenv2": "/node_modules/@bufbuild/protobuf/dist/esm/codegenv2/index.js",
    zod: "/node_modules/zod/index.js",
    "image-size": "/node_modules/image-size/dist/esm/index.js",
    // A script of old, whose one global a bundler would turn into this.
    "dicom-parser": "data:text/javascript,export default globalThis.dicomParser",
  };
  const files = (names: readonly string[]) => JSON.stringify(names.map((name) => `/files/${name}`));
  const script = `
    const tell = (what) => fetch("/told", { method: "POST", body: JSON.stringify(what) });
    addEventListener("error", ({ message }) => tell({ error: message }));
    const { lookInBrowser } = await import("${PAGE}").catch((error) => tell({ error: String(error) }));
    lookInBrowser(${files(prompts)}, ${files(images)}).then(tell, (error) => tell({ error: String(error?.stack) }));`;
  return new Response(
    `<!doctype html><script src="/node_modules/dicom-parser/dist/dicomParser.min.js"></script>
    <script type="importmap">${JSON.stringify({ imports })}</script><script type="module">${script}</script>`,
    { headers: { "content-type": "text/html; charset=utf-8" } },
  );
}
