import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import type { TinyBackbone } from "@kilotune/backbone/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Calls, callsTo, newTenant, openTestServer, openTiny } from "./testing.ts";

let tiny: TinyBackbone;
beforeAll(async () => {
  tiny = await openTiny();
});
afterAll(() => tiny[Symbol.asyncDispose]());

const requests = (count: number, input = "late door box") =>
  Array.from({ length: count }, (_, at) =>
    JSON.stringify({
      custom_id: `r${at}`,
      method: "POST",
      url: "/v1/embeddings",
      body: { model: "tiny", input },
    }),
  ).join("\n");

async function newBatch(calls: Calls, text: string): Promise<string> {
  const input_file_id = await calls.upload(text, "in.jsonl", "batch");
  const asked = { input_file_id, endpoint: "/v1/embeddings", completion_window: "24h" };
  const { status, body } = await calls.call("POST", "/v1/batches", asked);
  expect(status).toBe(200);
  return body.id;
}

async function ended(calls: Calls, id: string) {
  for (let left = 1000; left > 0; left--) {
    const { body } = await calls.call("GET", `/v1/batches/${id}`);
    if (["completed", "failed", "expired", "cancelled"].includes(body.status)) return body;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("the batch takes too long");
}

async function idsIn(calls: Calls, file: string): Promise<string[]> {
  const text = await calls.text(`/v1/files/${file}/content`);
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).custom_id);
}

async function usageOf(calls: Calls) {
  const { body } = await calls.call("GET", "/v1/usage");
  const { requests, tokens } = body.data[0];
  return { requests, tokens };
}

const wanted = (count: number) => Array.from({ length: count }, (_, at) => `r${at}`);

it("killed at any moment and started again answers every line once, and meters it once", async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-batch-kill-"));
  const COUNT = 1500;
  let server = await serve(folder);
  const calls = callsTo(() => server.url, await firstKey(server));
  const id = await newBatch(calls, requests(COUNT));
  const seen: number[] = [];
  for (let kill = 0; kill < 3; kill++) {
    await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 150));
    await server.kill();
    server = await serve(folder);
    seen.push((await calls.call("GET", `/v1/batches/${id}`)).body.request_counts.completed);
  }
  const batch = await ended(calls, id);
  expect(batch).toMatchObject({
    status: "completed",
    error_file_id: null,
    request_counts: { total: COUNT, completed: COUNT, failed: 0 },
  });
  expect(await idsIn(calls, batch.output_file_id)).toEqual(wanted(COUNT));
  // [CLS] 3 words [SEP].
  expect(await usageOf(calls)).toEqual({ requests: COUNT, tokens: 5 * COUNT });
  // It did go on from where it was, not anew each time.
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  await server.kill();
  await rm(folder, { recursive: true });
});

it("yields to calls that somebody waits for, takes turns between tenants, and is cancelled", async () => {
  await using test = await openTestServer(tiny);
  const [long, short] = await Promise.all([
    newTenant(test, test.server.adminKey ?? ""),
    newTenant(test, test.server.adminKey ?? ""),
  ]);
  const first = await newBatch(long, requests(20_000));
  const second = await newBatch(short, requests(100));
  await ended(short, second);
  expect((await long.call("GET", `/v1/batches/${first}`)).body.status).toBe("in_progress");
  const waits: number[] = [];
  for (let at = 0; at < 20; at++) {
    const before = performance.now();
    expect((await short.call("POST", "/v1/embeddings", { model: "tiny", input: "late" })).status).toBe(200);
    waits.push(performance.now() - before);
  }
  // Behind the whole piece that runs, a hundred rows, it would be many times that.
  expect(waits.sort((a, b) => a - b)[10]).toBeLessThan(100);
  await long.call("POST", `/v1/batches/${first}/cancel`);
  const batch = await ended(long, first);
  expect(batch.status).toBe("cancelled");
  const { completed } = batch.request_counts;
  expect(completed).toBeGreaterThan(0);
  expect(await idsIn(long, batch.output_file_id)).toEqual(wanted(completed));
  expect((await usageOf(long)).requests).toBe(completed);
  expect(test.log.filter((line) => line.includes('"event":"fault"'))).toEqual([]);
});

it("that a shutdown interrupts goes on at the next start", async () => {
  await using test = await openTestServer(tiny);
  const calls = await newTenant(test, test.server.adminKey ?? "");
  const id = await newBatch(calls, requests(1000));
  await test.restart();
  const batch = await ended(calls, id);
  expect([batch.status, (await idsIn(calls, batch.output_file_id)).length]).toEqual(["completed", 1000]);
});

it("whose tenant is erased while it runs leaves no byte", async () => {
  await using test = await openTestServer(tiny);
  const calls = await newTenant(test, test.server.adminKey ?? "");
  const id = await newBatch(calls, requests(5000, "stolen zebra"));
  await expect
    .poll(async () => (await calls.call("GET", `/v1/batches/${id}`)).body.request_counts.completed, {
      timeout: 10_000,
    })
    .toBeGreaterThan(0);
  expect((await calls.call("DELETE", "/v1/tenant")).status).toBe(200);
  const entries = await readdir(test.folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.join(parentPath, name));
  for (const file of files) {
    expect(file).not.toContain(id);
    expect(await readFile(file, "latin1")).not.toContain("stolen zebra");
  }
  expect(test.log.filter((line) => line.includes('"event":"fault"'))).toEqual([]);
});

interface Served {
  readonly url: string;
  readonly adminKey: string | undefined;
  kill(): Promise<void>;
}

async function serve(folder: string): Promise<Served> {
  const program = path.join(import.meta.dirname, "serving.fixtures.ts");
  const child: ChildProcess = spawn(process.execPath, ["--no-warnings", program, folder, tiny.bundle], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), "line");
  const kill = async () => {
    child.kill("SIGKILL");
    await once(child, "close");
  };
  return { ...JSON.parse(line), kill };
}

async function firstKey({ url, adminKey }: Served): Promise<string> {
  const admin = callsTo(() => url, adminKey ?? "");
  const { body } = await admin.call("POST", "/admin/tenants", { name: "Desk", plan: "business" });
  return body.key.secret;
}
