import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire, stripTypeScriptTypes } from "node:module";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { serve } from "@hono/node-server";
import { type Preprocessing, prepareImage } from "@kilotune/image";
import { createSharpCodec } from "@kilotune/image/node";
import { expect, it, vi } from "vitest";
import { CHROMIUM, openPage } from "./setup/chromium.ts";

/** The same files through sharp and through a real browser's canvas: the same numbers. */

const root = path.join(import.meta.dirname, "..");
const PAGE = "/test/setup/image-page.ts";
const PLAIN = { background: [200, 30, 90], mean: [0, 0, 0], std: [1, 1, 1] } as const;
const SPECS: Record<string, Preprocessing> = {
  letterbox: { width: 48, height: 48, fit: { kind: "letterbox" }, kernel: "linear", ...PLAIN },
  crop: { width: 48, height: 32, fit: { kind: "crop", share: 0.875 }, kernel: "cubic", ...PLAIN },
};

it.skipIf(CHROMIUM === undefined)("a browser and a server see the same numbers within 1 of 255", async () => {
  const files = await imageFiles();
  let told: Record<string, number[] | string> | undefined;
  const server = serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/page") return html(Object.keys(files));
      if (pathname === "/told") {
        told = (await request.json()) as typeof told;
        return new Response();
      }
      const name = decodeURIComponent(pathname.replace("/files/", ""));
      if (name in files) return new Response(Uint8Array.from(files[name]!));
      if (!/^\/(?:packages|node_modules|test)\//.test(pathname) || !existsSync(path.join(root, pathname)))
        return new Response(null, { status: 404 });
      const source = await readFile(path.join(root, pathname), "utf8");
      const script = pathname.endsWith(".ts") ? stripTypeScriptTypes(source) : source;
      return new Response(script, { headers: { "content-type": "text/javascript" } });
    },
  });
  await once(server, "listening");
  await using page = await openPage(`http://127.0.0.1:${(server.address() as AddressInfo).port}/page`);
  page.browser.once("exit", () => {
    told ??= { error: "The browser has ended." };
  });
  try {
    const seen = await vi.waitUntil(() => told, { timeout: 50_000 });
    const codec = createSharpCodec();
    const apart: Record<string, number | string> = {};
    for (const [name, bytes] of Object.entries(files)) {
      for (const [kind, spec] of Object.entries(SPECS)) {
        const { tensor } = await prepareImage(codec, bytes, spec);
        const theirs = seen[`${name} ${kind}`];
        apart[`${name} ${kind}`] = Array.isArray(theirs)
          ? tensor.reduce(
              (most, value, i) => Math.max(most, Math.abs(Math.round(255 * value) - theirs[i]!)),
              0,
            )
          : String(theirs ?? seen.error);
      }
    }
    expect(Object.entries(apart).filter(([, most]) => typeof most === "string" || most > 1)).toEqual([]);
  } finally {
    server.close();
  }
});

/** One of every kind that both sides read. */
async function imageFiles(): Promise<Record<string, Uint8Array>> {
  const { default: sharp } = await import(
    createRequire(`${root}/packages/image/package.json`).resolve("sharp")
  );
  const golden = (name: string) => readFile(path.join(root, "packages/image/src", name));
  const [width, height] = [131, 97];
  const scene = new Uint8Array(width * height * 4).map((_, i) => {
    const [x, y, c] = [Math.floor(i / 4) % width, Math.floor(i / 4 / width), i % 4];
    return 128 + 90 * Math.sin(x / (7 + c)) * Math.cos(y / (9 - c)) + ((x * 31 + y * 17) % 23);
  });
  const coloured = () => sharp(scene, { raw: { width, height, channels: 4 } });
  const opaque = () => coloured().removeAlpha();
  const turned = [1, 2, 3, 4, 5, 6, 7, 8].map(
    async (orientation) =>
      [
        `turned-${orientation}.jpg`,
        await opaque().withMetadata({ orientation }).jpeg({ quality: 90 }).toBuffer(),
      ] as const,
  );
  return {
    ...Object.fromEntries(await Promise.all(turned)),
    "turned.png": await opaque().withMetadata({ orientation: 6 }).png().toBuffer(),
    "turned.webp": await opaque().withMetadata({ orientation: 8 }).webp({ lossless: true }).toBuffer(),
    "fine.jpg": await opaque().jpeg({ quality: 95, chromaSubsampling: "4:4:4" }).toBuffer(),
    "large.jpg": await opaque().resize(1703, 1261).jpeg().toBuffer(),
    "large.webp": await opaque().resize(1703, 1261).webp().toBuffer(),
    "progressive.jpg": await opaque().jpeg({ progressive: true }).toBuffer(),
    "grey.jpg": await opaque().toColourspace("b-w").jpeg().toBuffer(),
    "colour.png": await opaque().png().toBuffer(),
    "alpha.png": await coloured().png().toBuffer(),
    "grey-alpha.png": await coloured().toColourspace("b-w").png().toBuffer(),
    "sixteen.png": await opaque().toColourspace("rgb16").png().toBuffer(),
    "palette.png": await opaque().png({ palette: true }).toBuffer(),
    "small.png": await opaque().resize(20, 15).png().toBuffer(),
    "colour.webp": await opaque().webp({ quality: 90 }).toBuffer(),
    "lossless.webp": await coloured().webp({ lossless: true, exact: true }).toBuffer(),
    "colour.gif": await opaque().gif().toBuffer(),
    "cmyk.jpg": await golden("goldens/cmyk.jpg"),
    "one-bit.png": await golden("goldens/one-bit.png"),
    "mono1.dcm": await golden("dicom/goldens/mono1.dcm"),
    "rle.dcm": await golden("dicom/goldens/rle-frames.dcm"),
    "jpeg.dcm": await golden("dicom/goldens/jpeg.dcm"),
  };
}

function html(names: readonly string[]): Response {
  const imports = {
    "@kilotune/contract": "/packages/contract/src/index.ts",
    "@kilotune/image": "/packages/image/src/index.ts",
    "@kilotune/image/browser": "/packages/image/src/browser/index.ts",
    "image-size": "/node_modules/image-size/dist/esm/index.js",
    // A script of old, whose one global a bundler would turn into this.
    "dicom-parser": "data:text/javascript,export default globalThis.dicomParser",
  };
  const script = `
    const tell = (what) => fetch("/told", { method: "POST", body: JSON.stringify(what) });
    const { look } = await import("${PAGE}").catch((error) => tell({ error: String(error) }));
    look(${JSON.stringify(names)}, ${JSON.stringify(SPECS)}).then(tell, (error) => tell({ error: String(error?.stack) }));`;
  return new Response(
    `<!doctype html><script src="/node_modules/dicom-parser/dist/dicomParser.min.js"></script>
    <script type="importmap">${JSON.stringify({ imports })}</script><script type="module">${script}</script>`,
    { headers: { "content-type": "text/html; charset=utf-8" } },
  );
}
