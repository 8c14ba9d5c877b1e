import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { JobId } from "@kilotune/contract";
import { serve } from "@hono/node-server";
import { expect, it, vi } from "vitest";
import { openTestApi, ROWS, succeed, tune } from "../packages/api/src/testing.ts";
import { CHROMIUM, openPage } from "./setup/chromium.ts";

/** The SDK's sources, types taken off, in a real browser where there is one: whatever is Node's alone breaks here. */

const root = path.join(import.meta.dirname, "..");
const PAGE = "/test/setup/sdk-page.ts";

it.skipIf(CHROMIUM === undefined)("works in a browser, and loads no schemas there", async () => {
  await using api = await openTestApi();
  const tenant = await api.newTenant();
  const model = (await tune(api, tenant)).tunedModel!;
  let told: unknown;
  const loaded: string[] = [];
  const server = serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname, origin } = new URL(request.url);
      if (pathname === "/page") return html(origin, tenant.key, model);
      if (pathname === "/told") {
        told = await request.json();
        return new Response();
      }
      if (pathname !== PAGE && !pathname.startsWith("/packages/")) return api.fetch(request);
      loaded.push(pathname);
      const source = await readFile(path.join(root, pathname), "utf8");
      return new Response(stripTypeScriptTypes(source), { headers: { "content-type": "text/javascript" } });
    },
  });
  await once(server, "listening");
  await using page = await openPage(`http://127.0.0.1:${(server.address() as AddressInfo).port}/page`);
  page.browser.once("exit", () => {
    told ??= "The browser has ended.";
  });
  const waiting = async () => {
    const { body } = await tenant.call("GET", "/v1/fine_tuning/jobs?limit=1");
    return body.data.find((job: { status: string }) => job.status === "validating_files");
  };
  try {
    // No worker runs here: the page's job is ended as soon as there is one.
    const job = await vi.waitUntil(async () => told ?? (await waiting()), { timeout: 40_000 });
    if (told === undefined) await succeed(api, tenant, job.id as JobId);
    await vi.waitUntil(() => told, { timeout: 10_000 });
    expect(told).toEqual({
      last: expect.stringContaining("The job has succeeded"),
      lengths: ["3", "2"],
      vector: [4, 0.5, -1],
      files: ["desk.jsonl", "train.jsonl"],
      content: ROWS,
      missing: true,
    });
    expect(loaded.filter((file) => file.includes("/wire/"))).toEqual([]);
  } finally {
    server.close();
  }
});

function html(url: string, key: string, model: string): Response {
  const imports = Object.fromEntries(
    ["contract", "sdk"].map((name) => [`@kilotune/${name}`, `/packages/${name}/src/index.ts`]),
  );
  const call = [url, key, ROWS, model].map((value) => JSON.stringify(value)).join(", ");
  const script = `
    const tell = (what) => fetch("/told", { method: "POST", body: JSON.stringify(what) });
    const { walk } = await import("${PAGE}").catch((error) => tell(String(error)));
    walk(${call}).then(tell, (error) => tell(String(error?.stack)));`;
  return new Response(
    `<!doctype html><script type="importmap">${JSON.stringify({ imports })}</script><script type="module">${script}</script>`,
    { headers: { "content-type": "text/html; charset=utf-8" } },
  );
}
