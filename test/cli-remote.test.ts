import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import type { JobId } from "@kilotune/contract";
import { createKey, finishJob, queueJob, beginJob, reportProgress } from "@kilotune/service";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ROWS, succeed, type TestTenant, tune } from "../packages/api/src/testing.ts";
import { COMMANDS } from "../packages/cli/src/main.ts";
import { runCli } from "../packages/cli/src/run.ts";
import { collector } from "../packages/cli/src/testing.ts";
import { answering, openTestServer, type TestServer } from "./setup/test-server.ts";

/** The commands that need a server, against the real API: shapes, exit codes, what goes where, what is kept. */

const bin = path.join(import.meta.dirname, "../packages/cli/bin/kilotune.mjs");

let folder: string;
let server: TestServer;
let tenant: TestTenant;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-remote-"));
  server = await openTestServer();
  tenant = await server.api.newTenant();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Given {
  readonly stdin?: string;
  readonly env?: Record<string, string>;
  readonly interrupt?: AbortSignal;
  readonly terminal?: boolean;
}

/** In this process, logged in as the tenant by its environment. */
async function kilotune(argv: string, { stdin = "", env, interrupt, terminal = false }: Given = {}) {
  const [stdout, stderr] = [collector(), collector(terminal ? { isTTY: true, columns: 100 } : {})];
  const input = new PassThrough();
  input.end(stdin);
  const code = await runCli(words(argv), COMMANDS, {
    stdin: input,
    stdout: stdout.stream,
    stderr: stderr.stream,
    environment: env ?? { KILOTUNE_URL: server.url, KILOTUNE_API_KEY: tenant.key },
    clock: () => performance.now(),
    takeInterrupt: () => interrupt ?? new AbortController().signal,
  });
  return {
    code,
    stdout: stdout.text(),
    stderr: stderr.text(),
    // biome-ignore lint/suspicious/noExplicitAny: results of all shapes
    lines: (): any[] =>
      stdout
        .text()
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
  };
}

const words = (line: string) => line.split(" ").filter(Boolean);

/** The one line of a command that succeeds. */
async function result(argv: string, given?: Given) {
  const ran = await kilotune(`${argv} --json`, given);
  expect(ran.code, ran.stderr).toBe(0);
  expect(ran.lines()).toHaveLength(1);
  return ran.lines()[0];
}

async function refused(argv: string, exitCode: number, code: string, given?: Given) {
  const ran = await kilotune(`${argv} --json`, given);
  expect(ran.code, ran.stderr).toBe(exitCode);
  expect(ran.lines().at(-1)).toMatchObject({ error: { code, message: expect.stringMatching(/./) } });
  expect(ran.stderr).not.toMatch(/^ {4}at /m);
  return ran;
}

async function fileOf(name: string, content: string | Uint8Array): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, content);
  return file;
}

const newRows = () => `${ROWS}{"text":"row ${Math.random()}","label":"billing"}\n`;
const newJob = async () => {
  const file = await result(`files upload ${await fileOf("rows.jsonl", newRows())}`);
  return result(`jobs create ${file.id}`);
};

describe("login", () => {
  const config = () => path.join(folder, "config");
  const at = (env: Record<string, string> = {}) => ({ env: { KILOTUNE_CONFIG: config(), ...env } });

  it("keeps what works, for its owner's eyes alone; the environment wins", async () => {
    const kept = path.join(config(), "credentials.json");
    expect(await result(`login ${server.url}`, { ...at(), stdin: `${tenant.key}\n` })).toMatchObject({
      url: server.url,
      tenant: { id: tenant.id },
      file: kept,
    });
    expect((await stat(kept)).mode & 0o777).toBe(0o600);
    expect((await stat(config())).mode & 0o777).toBe(0o700);
    expect(await result("models list", at())).toMatchObject({ models: [{ id: "minilm-l6" }] });

    const other = await server.api.newTenant();
    expect((await result("keys list", at({ KILOTUNE_API_KEY: other.key }))).keys).toHaveLength(1);
    await refused("models list", 1, "invalid_api_key", at({ KILOTUNE_API_KEY: "kt_wrong" }));
    await refused(
      "models list",
      3,
      "connection_failed",
      at({ KILOTUNE_URL: "http://127.0.0.1:9", KILOTUNE_API_KEY: "kt_a" }),
    );

    await chmod(kept, 0o644);
    await result(`login ${server.url}`, { ...at(), stdin: tenant.key });
    expect((await stat(kept)).mode & 0o777).toBe(0o600);
    expect(await readdir(config())).toEqual(["credentials.json"]);
  });

  it("never sends a stored key to a server that it wasn't stored for", async () => {
    const ran = await refused("models list", 2, "not_logged_in", at({ KILOTUNE_URL: "http://127.0.0.1:9" }));
    expect(ran.stderr).toContain("kilotune login");
  });

  it("keeps nothing of a key that is refused, a server that isn't there, an address that isn't one", async () => {
    const nowhere = { env: { KILOTUNE_CONFIG: path.join(folder, "nowhere") } };
    await refused(`login ${server.url}`, 1, "invalid_api_key", { ...nowhere, stdin: `${tenant.key}x\n` });
    await refused(`login ${server.url}`, 2, "usage", { ...nowhere, stdin: "\n" });
    await refused("login ftp://host", 2, "usage", { ...nowhere, stdin: `${tenant.key}\n` });
    await refused("files list", 2, "not_logged_in", nowhere);
    expect(await readdir(folder)).not.toContain("nowhere");
  });

  it("takes keys that may not say whose they are", async () => {
    const { secret } = await createKey(server.api.service, tenant.id, { scopes: ["infer"] });
    for (const key of [secret, server.api.adminKey]) {
      const folderOf = { env: { KILOTUNE_CONFIG: path.join(folder, "narrow"), KILOTUNE_API_KEY: key } };
      expect(await result(`login ${server.url}`, folderOf)).toMatchObject({ tenant: null });
    }
  });

  it("asks at a terminal without an echo, and understands backspace and Ctrl-C", async () => {
    const ask = async (typed: string) => {
      const raw: boolean[] = [];
      const stdin = Object.assign(new PassThrough(), {
        isTTY: true,
        setRawMode: (on: boolean) => raw.push(on),
      });
      const [stdout, stderr] = [collector(), collector()];
      stdin.write(typed);
      const code = await runCli(["login", server.url], COMMANDS, {
        stdin,
        stdout: stdout.stream,
        stderr: stderr.stream,
        environment: { KILOTUNE_CONFIG: path.join(folder, "typed") },
        clock: () => 0,
        takeInterrupt: () => new AbortController().signal,
      });
      expect(raw).toEqual([true, false]);
      return { code, stdout: stdout.text(), stderr: stderr.text() };
    };
    const { code, stdout, stderr } = await ask(`${tenant.key}yz\u007f\u007f\r`);
    expect(code, stderr).toBe(0);
    expect(stderr).toBe("API key: \n");
    expect(stdout).toContain("as Acme");
    expect(`${stdout}${stderr}`).not.toContain(tenant.key.slice(-12));
    expect((await ask(`${tenant.key}\u0003`)).code).toBe(130);
  });

  it("says what is wrong with a file that it didn't write, without quoting it", async () => {
    const broken = path.join(folder, "broken");
    await result(`login ${server.url}`, { env: { KILOTUNE_CONFIG: broken }, stdin: tenant.key });
    await writeFile(path.join(broken, "credentials.json"), `{"apiKey": ${tenant.key}`);
    const ran = await refused("files list", 1, "bad_credentials", { env: { KILOTUNE_CONFIG: broken } });
    expect(`${ran.stdout}${ran.stderr}`).not.toContain(tenant.key);
  });
});

describe("files", () => {
  it("go up, are listed, come back as they were, and go", async () => {
    const rows = newRows();
    const made = await result(`files upload ${await fileOf("desk.jsonl", rows)} --expires-days 2`);
    expect(made).toMatchObject({ object: "file", filename: "desk.jsonl", purpose: "fine-tune" });
    expect(made.expires_at - made.created_at).toBe(2 * 86_400);
    expect(await result(`files get ${made.id}`)).toEqual(made);
    expect((await result("files list --limit 1")).files).toEqual([made]);
    const out = path.join(folder, "back", "rows.jsonl");
    expect(await result(`files download ${made.id} ${out}`)).toEqual({
      id: made.id,
      path: out,
      bytes: made.bytes,
    });
    expect(await readFile(out, "utf8")).toBe(rows);
    expect(await result(`files delete ${made.id}`)).toEqual({ id: made.id, object: "file", deleted: true });
    await refused(`files get ${made.id}`, 1, "not_found");
    await refused(`files download ${made.id} ${path.join(folder, "never")}`, 1, "not_found");
    expect(await readdir(folder)).not.toContain("never");
  });

  it("come from stdin under a name", async () => {
    const made = await result("files upload - --name rows.csv", { stdin: "text,label\na,x\nb,y\n" });
    expect(made.filename).toBe("rows.csv");
  });

  it("that are bad say every bad line, to people and to programs", async () => {
    const bad = await fileOf(
      "bad.jsonl",
      '{"text":"a","label":"x"}\n{"text":"b"}\n{"text":"c","label":"y"}\n',
    );
    const ran = await refused(`files upload ${bad}`, 1, "invalid_training_file");
    expect(ran.lines().at(-1).error.issues).toEqual([
      { line: 2, column: 0, code: "label_missing", message: expect.any(String), hint: expect.any(String) },
    ]);
    expect(ran.stderr).toContain("line 2: ");
    await refused(`files upload ${path.join(folder, "none.jsonl")}`, 1, "file_not_found");
    await refused(`files upload ${folder}`, 1, "not_a_file");
    expect((await kilotune(`files upload ${bad} --purpose evals`)).code).toBe(2);
  });

  it("show on a terminal how far they have gone up, and leave no line behind where that was quick", async () => {
    const big = await fileOf("rows.jsonl", newRows().repeat(20_000));
    const shown = await kilotune(`files upload ${big} --json`, { terminal: true });
    expect(shown.code, shown.stderr).toBe(0);
    expect(shown.stderr).toMatch(/Sending rows\.jsonl [█░]{16} \d+\.\d % [\d.]+ [KM]?B of [\d.]+ MB/);
    expect(shown.lines()).toHaveLength(1);
    const plain = await kilotune(`files upload ${big} --name other.jsonl --json`);
    expect([plain.code, plain.stderr]).toEqual([0, ""]);
  });

  it("of a refused key don't go up twice", async () => {
    const big = await fileOf("big.jsonl", newRows().repeat(40_000));
    const env = { KILOTUNE_URL: server.url, KILOTUNE_API_KEY: "kt_wrong" };
    server.requests.length = 0;
    await refused(`files upload ${big}`, 1, "invalid_api_key", { env });
    expect(server.requests).toHaveLength(1);
  });
});

describe("jobs", () => {
  it("are made as asked, listed, steered", async () => {
    const file = await result(`files upload ${await fileOf("rows.jsonl", newRows())}`);
    const job = await result(
      `jobs create ${file.id} --method kv --epochs 3 --tokens 12 --first-layer 4 --suffix desk --seed 7 --folds 3 --metadata a=b=c --metadata run=1 --oos-label none`,
    );
    expect(job).toMatchObject({
      object: "fine_tuning.job",
      training_file: file.id,
      hyperparameters: { n_epochs: 3, tokens: 12, first_layer: 4 },
      seed: 7,
      folds: 3,
      out_of_scope: { label: "none" },
      metadata: { a: "b=c", run: "1" },
    });
    expect((await result("jobs list --metadata run=1")).jobs).toEqual([job]);
    expect((await result(`jobs pause ${job.id}`)).status).toBe("paused");
    expect((await result(`jobs resume ${job.id}`)).status).toBe("queued");
    expect((await result(`jobs cancel ${job.id}`)).status).toBe("cancelled");
    const { events } = await result(`jobs events ${job.id}`);
    expect(events[0].message).toContain("Created");
    const get = await kilotune(`jobs get ${job.id} --json`);
    expect([get.code, get.lines()[0].status]).toEqual([1, "cancelled"]);
    await refused(`jobs pause ${job.id}`, 1, "job_ended");
    const find = await result(`jobs create ${file.id} --task retrieval --rank 4`);
    expect(find).toMatchObject({ method: { type: "lora" }, hyperparameters: { rank: 4 } });
    await refused(`jobs create ${file.id} --task retrieval --oos`, 1, "invalid_value");
    await refused(`jobs create ${file.id} --method head --tokens 4`, 1, "invalid_request");
    expect((await kilotune(`jobs create ${file.id} --metadata novalue`)).code).toBe(2);
  });

  async function running() {
    const { id } = (await newJob()) as { id: JobId };
    const { service } = server.api;
    await queueJob(service, tenant.id, id);
    await beginJob(service, tenant.id, id);
    const report = (step: number) =>
      reportProgress(service, tenant.id, id, {
        message: `Tuning: epoch ${step} of 4\u001b[2J`,
        metrics: { step, total_steps: 4, epoch: step },
      });
    return { id, report };
  }

  it("are watched to their end: a bar on stderr, the events and the job on stdout with --json", async () => {
    const { id, report } = await running();
    const watching = kilotune(`jobs get ${id} --watch --json`, { terminal: true });
    for (const step of [1, 2, 4]) {
      await report(step);
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    await succeed(server.api, tenant, id);
    const ran = await watching;
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stderr).toContain(`${"█".repeat(12)}${"░".repeat(12)} 50.0 % Tuning: epoch 2 of 4\\u001b[2J`);
    expect(ran.stderr).toContain("The job has started.\n");
    expect(ran.stderr).not.toContain("\u001b[2J");
    const lines = ran.lines();
    expect(lines.at(-1)).toMatchObject({ object: "fine_tuning.job", id, status: "succeeded" });
    expect(lines.slice(0, -1).every(({ object }) => object === "fine_tuning.job.event")).toBe(true);
    expect(lines.filter(({ type }) => type === "metrics")).toHaveLength(3);
  });

  it("that fail give 1, and say why", async () => {
    const { id } = await running();
    const error = { code: "one_class", message: "Only one class is left.", param: null };
    await finishJob(server.api.service, tenant.id, id, { status: "failed", error });
    const ran = await kilotune(`jobs events ${id} --watch`);
    expect(ran.code).toBe(1);
    expect(ran.stdout).toContain("one_class: Only one class is left.");
    expect(ran.stderr).not.toContain("\u001b");
  });

  it("go on when Ctrl-C ends the watching", async () => {
    const { id } = await running();
    const child = spawn(process.execPath, [bin, "jobs", "get", id, "--watch"], {
      env: { ...process.env, KILOTUNE_URL: server.url, KILOTUNE_API_KEY: tenant.key },
    });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    await vi.waitUntil(() => stderr.includes("has started"), { timeout: 20_000 });
    child.kill("SIGINT");
    const [code] = await once(child, "close");
    expect(code, stderr).toBe(130);
    expect(stderr).toContain(`kilotune jobs get ${id} --watch`);
    expect((await result(`jobs get ${id}`)).status).toBe("running");
    await result(`jobs cancel ${id}`);
  });
});

describe("batches", () => {
  const line = (id: string, input: unknown) =>
    JSON.stringify({
      custom_id: id,
      method: "POST",
      url: "/v1/embeddings",
      body: { model: "minilm-l6", input },
    });
  const newBatch = async (lines: string[], more = "") => {
    const file = await result(
      `files upload ${await fileOf("batch.jsonl", lines.join("\n"))} --purpose batch`,
    );
    return result(
      `batches create ${file.id} --endpoint /v1/embeddings --metadata run=${Math.random()} ${more}`,
    );
  };

  it("are made as asked, listed, followed to their end, and written to files", async () => {
    const lines = [line("1", ["abc", "de"]), line("2", "x").replace("minilm-l6", "nobody"), line("3", "f")];
    const made = await newBatch(lines, "--expires-days 3");
    expect(made).toMatchObject({ object: "batch", status: "validating", endpoint: "/v1/embeddings" });
    expect((await result("batches list --limit 1")).batches.map(({ id }: { id: string }) => id)).toEqual([
      made.id,
    ]);
    await refused(`batches download ${made.id} ${path.join(folder, "never")}`, 1, "batch_not_ended");

    const watching = kilotune(`batches watch ${made.id} --json`, { terminal: true });
    await vi.waitUntil(() => server.requests.some(({ path }) => path === `/v1/batches/${made.id}`));
    await server.api.runBatch(tenant, made.id);
    const ran = await watching;
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stderr).toContain("Validating\n");
    expect(ran.stderr).toContain("100.0 % 2 of 3 answered, 1 failed");
    const told = ran.lines();
    expect(told.at(-1)).toMatchObject({ id: made.id, status: "completed" });
    expect(told.filter(({ status }) => status === "completed")).toHaveLength(1);

    const [out, failed] = [
      path.join(folder, "out", "answers.jsonl"),
      path.join(folder, "out", "failed.jsonl"),
    ];
    const written = await kilotune(`batches download ${made.id} ${out}`);
    expect(written.stderr).toContain("Lines that failed: 1; see --errors.");
    const answers = (await readFile(out, "utf8"))
      .trimEnd()
      .split("\n")
      .map((each) => JSON.parse(each));
    expect(answers.map((each) => each.custom_id)).toEqual(["1", "3"]);
    expect(answers[0].response.body.data[1].embedding[0]).toBe(2);
    expect(await result(`batches download ${made.id} ${failed} --errors`)).toMatchObject({ path: failed });
    expect(JSON.parse(await readFile(failed, "utf8")).custom_id).toBe("2");
    expect((await kilotune(`batches get ${made.id}`)).stdout).toMatch(
      /request_counts +2 of 3 answered, 1 failed/,
    );
  });

  it("that are cancelled give 1, and those without a failed line have none to write", async () => {
    const { id } = await newBatch([line("1", "a")]);
    expect((await result(`batches cancel ${id}`)).status).toMatch(/^cancell/);
    await server.api.runBatch(tenant, id);
    const get = await kilotune(`batches get ${id} --json`);
    expect([get.code, get.lines()[0].status]).toEqual([1, "cancelled"]);
    await refused(`batches cancel ${(await ended()).id}`, 1, "batch_ended");
    await refused(`batches download ${id} ${path.join(folder, "never")}`, 1, "no_such_output");
    expect(await readdir(folder)).not.toContain("never");
    await refused("batches get batch-01kb0example000000000000000", 1, "not_found");
    expect((await kilotune("batches create file-x --endpoint /v1/models")).code).toBe(2);

    async function ended() {
      const batch = await newBatch([line("1", "b")]);
      await server.api.runBatch(tenant, batch.id);
      await refused(
        `batches download ${batch.id} ${path.join(folder, "never")} --errors`,
        1,
        "no_such_output",
      );
      return batch;
    }
  });
});

describe("models and aliases", () => {
  it("are listed, moved by compare-and-swap, downloaded, deleted", async () => {
    const [first, second] = [await tune(server.api, tenant), await tune(server.api, tenant)].map(
      (job) => job.tunedModel,
    );
    const made = await result(`aliases set support ${first}`);
    expect(made).toMatchObject({
      object: "alias",
      id: "support",
      model: first,
      etag: expect.stringMatching(/^"\d+"$/),
    });
    const moved = await result(`aliases set support ${second} --canary ${first} --share 5`);
    expect(moved.canary).toEqual({ model: first, share: 0.05 });
    await refused(`aliases set support ${first} --if-match ${made.etag}`, 1, "precondition_failed");
    expect(await result("aliases get support")).toEqual(moved);
    expect((await kilotune("aliases list")).stdout).toContain(`5 % to ${first}`);
    expect((await kilotune(`aliases set support ${first} --share 5`)).code).toBe(2);
    await refused(`models delete ${first}`, 1, "model_in_use");
    expect((await result("aliases rollback support")).model).toBe(first);
    expect(await result("aliases delete support")).toMatchObject({ deleted: true });

    expect((await result("models list")).models.map(({ id }: { id: string }) => id)).toContain(first);
    expect(await result("models get minilm-l6")).toMatchObject({ owned_by: "kilotune" });
    const out = path.join(folder, "desk.safetensors");
    expect(await result(`models download ${first} ${out}`)).toMatchObject({ model: first, path: out });
    expect(await readFile(out, "utf8")).toContain("prompt of ftjob-");
    server.faults.push(
      async (next) => next(),
      () => new Response("other bytes"),
    );
    await refused(`models download ${first} ${out}2`, 3, "damaged_download");
    await refused(`models download minilm-l6 ${out}2`, 1, "model_not_found");
    expect(await readdir(folder)).not.toContain("desk.safetensors2");
    const imported = await result(`models import ${out} --suffix again`);
    expect(imported).toMatchObject({ object: "prompt", model: expect.stringContaining(":again:") });
    expect(await result(`models import ${out} --suffix again`)).toEqual(imported);
    await refused(`models import ${await fileOf("none.json", "{}")}`, 1, "invalid_prompt");
    await refused(`models import ${path.join(folder, "nowhere")}`, 1, "file_not_found");
    await refused(`models import ${out} --suffix a:b`, 1, "invalid_request");
    expect(await result(`models delete ${first}`)).toMatchObject({ deleted: true });
  });
});

describe("keys and usage", () => {
  it("show a secret once, on stdout", async () => {
    const made = await result("keys create --name web --scope infer --scope read --expires-days 1");
    expect(made).toMatchObject({
      name: "web",
      scopes: ["infer", "read"],
      secret: expect.stringMatching(/^kt_/),
    });
    const rotated = await kilotune(`keys rotate ${made.id} --overlap-hours 0`);
    expect(rotated.stdout).toMatch(/secret +kt_/);
    expect(rotated.stderr).toContain("copy it now");
    const list = await kilotune("keys list");
    expect(list.stdout).toContain("web");
    expect(list.stdout).not.toContain("kt_");
    const [newest] = (await result("keys list --limit 100")).keys.filter(
      ({ name }: { name: string }) => name === "web",
    );
    expect((await result(`keys revoke ${newest.id}`)).revoked_at).toBeGreaterThan(0);
    expect((await kilotune("keys create --scope all")).code).toBe(2);
  });

  it("count what was used, by day and model", async () => {
    const other = await server.api.newTenant();
    const as = { env: { KILOTUNE_URL: server.url, KILOTUNE_API_KEY: other.key } };
    await other.upload(newRows());
    await other.call("POST", "/v1/embeddings", { model: "minilm-l6", input: ["a", "b"] });
    const { usage, stored_bytes } = await result("usage", as);
    expect(usage).toContainEqual(expect.objectContaining({ model: "minilm-l6", tokens: 10 }));
    expect(stored_bytes).toBeGreaterThan(0);
    expect((await kilotune("usage", as)).stdout).toMatch(/10 tokens.*\nStored: /s);
    await refused("usage --from yesterday", 1, "invalid_request");
  });
});

describe("what a server does wrong", () => {
  it("is the machine's fault (3), tried again where that may help, without the key anywhere", async () => {
    const soon = { "retry-after-ms": "1" };
    server.faults.push(answering(503, soon), answering(500, soon));
    await result("models list");
    server.faults.push(...Array(3).fill(answering(500, { ...soon, "x-request-id": "req_7" })));
    const ran = await refused("models list --debug", 3, "http_500").catch((error) => error);
    expect(`${ran.stdout}${ran.stderr}`).not.toContain(tenant.key);
    server.faults.push(answering(200, { "content-type": "text/html" }, "<html>"));
    await refused("models list", 3, "unexpected_answer");
  });

  it("can't steer the terminal", async () => {
    server.faults.push(
      answering(200, {}, { object: "list", data: [{ id: "x\u001b[2J", created: 1, owned_by: "\u202ey" }] }),
    );
    const { stdout } = await kilotune("models list");
    expect(stdout).toContain("x\\u001b[2J");
    for (const steering of ["\u001b", "\u202e"]) expect(stdout).not.toContain(steering);
  });
});
