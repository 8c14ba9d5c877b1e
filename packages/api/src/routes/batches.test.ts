import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import OpenAI, { toFile } from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openTestApi, type TestApi, type TestTenant } from "../testing.ts";

/** Over a real port, with the official client. */
let api: TestApi;
let tenant: TestTenant;
let server: Server;
let client: OpenAI;
beforeAll(async () => {
  api = await openTestApi();
  tenant = await api.newTenant();
  server = createServer(getRequestListener(api.fetch)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  client = new OpenAI({ apiKey: tenant.key, baseURL: `http://127.0.0.1:${port}/v1`, maxRetries: 0 });
});
afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await api[Symbol.asyncDispose]();
});

const line = (id: string, input: unknown) =>
  JSON.stringify({
    custom_id: id,
    method: "POST",
    url: "/v1/embeddings",
    body: { model: "minilm-l6", input },
  });

async function requests(...lines: string[]) {
  const file = await toFile(Buffer.from(lines.join("\n")), "requests.jsonl");
  return client.files.create({ file, purpose: "batch" });
}

const create = (input_file_id: string, metadata?: Record<string, string>, idempotencyKey?: string) =>
  client.batches.create(
    {
      input_file_id,
      endpoint: "/v1/embeddings",
      completion_window: "24h",
      ...(metadata ? { metadata } : {}),
    },
    idempotencyKey ? { headers: { "idempotency-key": idempotencyKey } } : {},
  );

it("the official client creates a batch, polls it, and reads its output and error files", async () => {
  const file = await requests(line("a", "abc"), "nonsense", line("b", ["de", "f"]), line("a", "twice"));
  const batch = await create(file.id, { team: "desk" });
  expect(batch).toMatchObject({
    object: "batch",
    status: "validating",
    completion_window: "24h",
    metadata: { team: "desk" },
  });
  expect(batch.expires_at).toBe(batch.created_at + 86_400);
  await api.runBatch(tenant, batch.id);
  const ended = await client.batches.retrieve(batch.id);
  expect(ended).toMatchObject({
    status: "completed",
    request_counts: { total: 4, completed: 2, failed: 2 },
    errors: null,
  });
  const lines = async (id: string | undefined) =>
    (await (await client.files.content(id ?? "")).text())
      .trimEnd()
      .split("\n")
      .map((text) => JSON.parse(text));
  const output = await lines(ended.output_file_id);
  expect(output).toMatchObject([
    {
      id: expect.stringMatching(/^batch_req_/),
      custom_id: "a",
      response: { status_code: 200, request_id: expect.stringMatching(/^req_/) },
      error: null,
    },
    { custom_id: "b", response: { body: { object: "list", usage: { total_tokens: 10 } } } },
  ]);
  expect(await lines(ended.error_file_id)).toMatchObject([
    { custom_id: null, response: null, error: { code: "invalid_json_line", line: 2 } },
    { custom_id: "a", response: null, error: { code: "duplicate_custom_id", line: 4 } },
  ]);
  const { purpose, filename } = await client.files.retrieve(ended.output_file_id ?? "");
  expect([purpose, filename]).toEqual(["batch_output", `${batch.id}_output.jsonl`]);
});

it("lists, cancels, and refuses a late cancel; a repeat makes no second batch", async () => {
  const file = await requests(line("a", "abc"));
  const [first, again] = [await create(file.id), await create(file.id)];
  expect(again.id).toBe(first.id);
  const keyed = await create(file.id, { n: "2" }, "batch-key");
  expect((await create(file.id, { n: "2" }, "batch-key")).id).toBe(keyed.id);
  await expect(create(file.id, { n: "3" }, "batch-key")).rejects.toMatchObject({
    status: 422,
    code: "idempotency_key_reused",
  });
  const listed: string[] = [];
  for await (const { id } of client.batches.list({ limit: 1 })) listed.push(id);
  expect(listed.slice(0, 2)).toEqual([keyed.id, first.id]);
  expect((await client.batches.cancel(first.id)).status).toBe("cancelling");
  await api.runBatch(tenant, first.id);
  const cancelled = await client.batches.retrieve(first.id);
  expect(cancelled).toMatchObject({ status: "cancelled", output_file_id: null });
  expect(cancelled.cancelled_at).toBeGreaterThan(0);
  await api.runBatch(tenant, keyed.id);
  await expect(client.batches.cancel(keyed.id)).rejects.toMatchObject({ status: 400, code: "batch_ended" });
});

it("fails as a whole where no line is a request, and says so in the batch", async () => {
  const { id } = await create((await requests("1", "2")).id);
  await api.runBatch(tenant, id);
  const failed = await client.batches.retrieve(id);
  expect(failed.status).toBe("failed");
  expect(failed.errors).toMatchObject({
    object: "list",
    data: [{ code: "invalid_json_line", line: 1, param: null }, { line: 2 }],
  });
});

it("refuses an endpoint, a window or a file that isn't one", async () => {
  const file = await requests(line("a", "abc"));
  const ask = (more: object) =>
    tenant.call("POST", "/v1/batches", {
      input_file_id: file.id,
      endpoint: "/v1/embeddings",
      completion_window: "24h",
      ...more,
    });
  for (const more of [
    { endpoint: "/v1/chat/completions" },
    { completion_window: "1h" },
    { metadata: { a: 1 } },
    { output_expires_after: { anchor: "created_at", seconds: 1 } },
  ])
    expect((await ask(more)).status).toBe(400);
  const { status, body } = await ask({ input_file_id: "file-nobody" });
  expect([status, body.error.param]).toEqual([404, "input_file_id"]);
});
