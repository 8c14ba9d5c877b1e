import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answered, encoded, openTestApi, ROWS, type TestApi, type TestTenant } from "../testing.ts";

let api: TestApi;
let tenant: TestTenant;
beforeAll(async () => {
  api = await openTestApi({ fileBytes: 6 * 2 ** 20, uploadStallMs: 100 });
  tenant = await api.newTenant();
});
afterAll(() => api[Symbol.asyncDispose]());

async function post(given: BodyInit, headers: Record<string, string> = {}, path = "/v1/files") {
  const authorization = `Bearer ${tenant.key}`;
  const { body, headers: type } =
    given instanceof FormData ? await encoded(given) : { body: given, headers: {} };
  const init = { method: "POST", body, headers: { authorization, ...type, ...headers }, duplex: "half" };
  return answered(await api.fetch(new Request(`http://api.test${path}`, init as RequestInit)));
}

function form(...fields: [string, string | [content: string, name: string]][]): FormData {
  const data = new FormData();
  for (const [name, value] of fields) {
    if (typeof value === "string") data.append(name, value);
    else data.append(name, new Blob([value[0]]), value[1]);
  }
  return data;
}

const PURPOSE: [string, string] = ["purpose", "fine-tune"];
const FILE: [string, [string, string]] = ["file", [ROWS, "train.jsonl"]];
const BOUNDARY = { "content-type": "multipart/form-data; boundary=b" };

describe("an upload", () => {
  it("takes its fields before the file or after it, as openai-node sends them", async () => {
    const before = await post(form(PURPOSE, FILE));
    const after = await post(form(["file", [`${ROWS}\n`, "train.jsonl"]], PURPOSE));
    for (const { status, body } of [before, after]) {
      expect(status).toBe(200);
      expect(body).toMatchObject({ object: "file", filename: "train.jsonl", purpose: "fine-tune" });
    }
    expect(before.body.bytes).toBe(ROWS.length);
  });

  it("comes back as it was sent, under the name it had, never to be shown in place", async () => {
    const name = "Anfragen 'März' (日本)*.jsonl";
    const { body } = await tenant.upload(ROWS, name);
    expect(body.filename).toBe(name);
    const content = await tenant.call("GET", `/v1/files/${body.id}/content`);
    expect(content.text).toBe(ROWS);
    expect(content.headers.get("content-length")).toBe(String(ROWS.length));
    expect(content.headers.get("content-type")).toBe("application/octet-stream");
    const disposition = content.headers.get("content-disposition") ?? "";
    expect(disposition).toMatch(/^attachment; filename\*=UTF-8''[A-Za-z0-9%._-]+$/);
    expect(decodeURIComponent(disposition.split("''")[1] as string)).toBe(name);
  });

  it("bigger than memory allows waits in a file without a name, and comes back whole", async () => {
    const line = `{"text":"${"Where is my parcel? ".repeat(400)}","label":"shipping"}\n`;
    const rows = line.repeat(650);
    const { status, body } = await tenant.upload(rows + ROWS);
    expect([status, body.bytes]).toEqual([200, rows.length + ROWS.length]);
    const { text } = await tenant.call("GET", `/v1/files/${body.id}/content`);
    expect(text === rows + ROWS).toBe(true);
  });

  it("with bad lines is refused with all of them, and leaves nothing", async () => {
    const other = await api.newTenant();
    const bad = await other.upload(`${ROWS}{"text":"no label"}\n{"text":"x","label":3}\n`);
    expect(bad.status).toBe(400);
    expect(bad.body.error).toMatchObject({ code: "invalid_training_file", param: "file" });
    expect(bad.body.error.issues.map(({ line }: { line: number }) => line)).toEqual([5, 6]);
    expect((await other.call("GET", "/v1/files")).body.data).toEqual([]);
    expect((await other.call("GET", "/v1/usage")).body.stored_bytes).toBe(0);
  });

  it("may not have a path for a name", async () => {
    for (const name of ["../x.jsonl", "/etc/passwd", "a\\b.jsonl", "..", ".", `${"x".repeat(300)}.jsonl`]) {
      const { status, body } = await tenant.upload(ROWS, name);
      expect([status, body.error.param], name).toEqual([400, "file"]);
    }
    // Escaped by the client as a form's quotes are; a bare line break would end the part's head.
    expect((await tenant.upload(ROWS, "a\nb.jsonl")).body.filename).not.toContain("\n");
  });

  it("needs one file, a purpose, and nothing that we don't know", async () => {
    const refused = async (...fields: Parameters<typeof form>) => {
      const { status, body } = await post(form(...fields));
      return [status, body.error.code, body.error.param];
    };
    expect(await refused(PURPOSE)).toEqual([400, "invalid_request", "file"]);
    expect(await refused(FILE)).toEqual([400, "invalid_request", "purpose"]);
    expect(await refused(FILE, ["purpose", "assistants"])).toEqual([400, "invalid_request", "purpose"]);
    expect(await refused(FILE, PURPOSE, ["purpse", "x"])).toEqual([400, "invalid_request", "purpse"]);
    expect(await refused(FILE, PURPOSE, PURPOSE)).toEqual([400, "invalid_multipart", null]);
    expect(await refused(FILE, PURPOSE, FILE)).toEqual([400, "invalid_multipart", null]);
    expect(await refused(["data", [ROWS, "x.jsonl"]], PURPOSE)).toEqual([400, "invalid_request", "file"]);
    expect(await refused(FILE, ["purpose", "x".repeat(5000)])).toEqual([400, "invalid_multipart", null]);
    const seconds: [string, string] = ["expires_after[seconds]", "60"];
    expect(await refused(FILE, PURPOSE, ["expires_after[anchor]", "created_at"], seconds)).toEqual([
      400,
      "invalid_request",
      "expires_after.seconds",
    ]);
  });

  it("may end by itself", async () => {
    const { body } = await post(
      form(FILE, PURPOSE, ["expires_after[anchor]", "created_at"], ["expires_after[seconds]", "3600"]),
    );
    expect(body.expires_at - body.created_at).toBe(3600);
  });

  it("that isn't a form, is cut off or has a cap's worth too much is a clear 4xx", async () => {
    const code = async (body: BodyInit, headers: Record<string, string>) => {
      const answer = await post(body, headers);
      return [answer.status, answer.body.error.code];
    };
    const head = `--b\r\ncontent-disposition: form-data; name="file"; filename="x.jsonl"\r\n\r\n`;
    expect(await code(ROWS, { "content-type": "application/jsonl" })).toEqual([
      415,
      "unsupported_media_type",
    ]);
    expect(await code(ROWS, { "content-type": "multipart/form-data" })).toEqual([
      415,
      "unsupported_media_type",
    ]);
    expect(await code(ROWS, { "content-type": "multipart/form-data; x=1" })).toEqual([
      400,
      "invalid_multipart",
    ]);
    expect(await code("", BOUNDARY)).toEqual([400, "invalid_multipart"]);
    expect(await code("nonsense", BOUNDARY)).toEqual([400, "invalid_multipart"]);
    expect(await code(`${head}${ROWS}`, BOUNDARY)).toEqual([400, "invalid_multipart"]);
    expect(await code(head, { ...BOUNDARY, "content-encoding": "gzip" })).toEqual([
      415,
      "unsupported_encoding",
    ]);
    expect(await code(head, { ...BOUNDARY, "content-length": "629145600" })).toEqual([413, "body_too_large"]);
    const endless = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode(head)),
      pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024).fill(97)),
    });
    expect(await code(endless, BOUNDARY)).toEqual([413, "file_too_large"]);
    const silent = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode(head + ROWS)),
    });
    expect(await code(silent, BOUNDARY)).toEqual([408, "request_timeout"]);
    expect((await tenant.call("GET", "/v1/models")).status).toBe(200);
  });

  it("that is sent again is the same file", async () => {
    const rows = `${ROWS}{"text":"again","label":"billing"}\n`;
    const [first, second] = [await tenant.upload(rows), await tenant.upload(rows)];
    expect(second.body.id).toBe(first.body.id);
    const named = { "idempotency-key": "k-1" };
    const again = `${ROWS}{"text":"and again","label":"billing"}\n`;
    const [third, fourth] = [
      await post(form(["file", [again, "a.jsonl"]], PURPOSE), named),
      await post(form(["file", [again, "a.jsonl"]], PURPOSE), named),
    ];
    expect(fourth.body.id).toBe(third.body.id);
    const other = await post(form(FILE, PURPOSE), named);
    expect([other.status, other.body.error.code]).toEqual([422, "idempotency_key_reused"]);
  });

  it("is listed in pages, filtered by purpose, and deleted", async () => {
    const other = await api.newTenant();
    const ids: string[] = [];
    for (let at = 0; at < 3; at++) ids.unshift((await other.upload(`${ROWS}${"\n".repeat(at)}`)).body.id);
    const first = await other.call("GET", "/v1/files?limit=2&order=desc");
    expect(first.body).toMatchObject({ object: "list", has_more: true, last_id: ids[1] });
    const second = await other.call("GET", `/v1/files?limit=2&after=${first.body.last_id}`);
    expect(second.body.data.map(({ id }: { id: string }) => id)).toEqual([ids[2]]);
    expect(second.body.has_more).toBe(false);
    expect((await other.call("GET", "/v1/files?purpose=batch")).body.data).toEqual([]);
    for (const query of ["limit=0", "limit=101", "limit=x", "limt=2", "order=up", "limit=1&limit=2"]) {
      expect((await other.call("GET", `/v1/files?${query}`)).status, query).toBe(400);
    }
    const gone = await other.call("DELETE", `/v1/files/${ids[0]}`);
    expect(gone.body).toEqual({ id: ids[0], object: "file", deleted: true });
    expect((await other.call("GET", `/v1/files/${ids[0]}`)).status).toBe(404);
    expect((await other.call("DELETE", `/v1/files/${ids[0]}`)).status).toBe(404);
  });
});

describe("an upload in parts", () => {
  it("is joined in the order named", async () => {
    const other = await api.newTenant();
    const request = {
      bytes: ROWS.length,
      filename: "t.jsonl",
      mime_type: "text/plain",
      purpose: "fine-tune",
    };
    const { body: upload } = await other.call("POST", "/v1/uploads", request);
    expect(upload).toMatchObject({ object: "upload", status: "pending", file: null });
    const part = async (text: string) => {
      const authorization = { authorization: `Bearer ${other.key}` };
      const path = `/v1/uploads/${upload.id}/parts`;
      return (await post(form(["data", [text, "part"]]), authorization, path)).body.id as string;
    };
    const tail = await part(ROWS.slice(50));
    const head = await part(ROWS.slice(0, 50));
    const { body: done } = await other.call("POST", `/v1/uploads/${upload.id}/complete`, {
      part_ids: [head, tail],
    });
    expect(done).toMatchObject({ status: "completed", file: { object: "file", bytes: ROWS.length } });
    expect((await other.call("GET", `/v1/files/${done.file.id}/content`)).text).toBe(ROWS);
    const late = await other.call("POST", `/v1/uploads/${upload.id}/cancel`);
    expect([late.status, late.body.error.code]).toEqual([400, "invalid_upload"]);
  });

  it("is begun once, however often the same call comes", async () => {
    const request = { bytes: 11, filename: "t.jsonl", mime_type: "text/plain", purpose: "batch" };
    const begin = async (more: object = {}, headers: Record<string, string> = {}) =>
      (await tenant.call("POST", "/v1/uploads", { ...request, ...more }, headers)).body;
    const [first, again] = await Promise.all([begin(), begin()]);
    expect(again.id).toBe(first.id);
    const key = { "idempotency-key": "upload-1" };
    const keyed = await begin({}, key);
    expect(keyed.id).not.toBe(first.id);
    expect((await begin({}, key)).id).toBe(keyed.id);
    expect((await begin({ bytes: 12 }, key)).error.code).toBe("idempotency_key_reused");
  });

  it("is given up when cancelled", async () => {
    const request = { bytes: 10, filename: "t.jsonl", mime_type: "text/plain", purpose: "batch" };
    const { body: upload } = await tenant.call("POST", "/v1/uploads", request);
    const { body } = await tenant.call("POST", `/v1/uploads/${upload.id}/cancel`);
    expect(body.status).toBe("cancelled");
    const anew = await tenant.call("POST", "/v1/uploads", request);
    expect(anew.body.id).not.toBe(upload.id);
    expect((await tenant.call("POST", "/v1/uploads", { ...request, bytes: 2 ** 40 })).status).toBe(400);
    expect((await tenant.call("POST", "/v1/uploads", { ...request, filename: "../x" })).status).toBe(400);
  });
});
