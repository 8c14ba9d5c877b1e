import { addCheckpoint, beginJob, queueJob, reportProgress } from "@kilotune/service";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestApi, ROWS, type TestApi, type TestTenant, tune } from "../testing.ts";

let api: TestApi;
let tenant: TestTenant;
let file: string;
beforeAll(async () => {
  api = await openTestApi();
  tenant = await api.newTenant();
  file = (await tenant.upload(ROWS)).body.id;
});
afterAll(() => api[Symbol.asyncDispose]());

const jobs = "/v1/fine_tuning/jobs";
const create = (fields: object = {}, headers: Record<string, string> = {}) =>
  tenant.call("POST", jobs, { model: "minilm-l6", training_file: file, ...fields }, headers);

describe("a job", () => {
  it("that is to find texts learns lora where no method is named", async () => {
    const { body } = await create({ task: "retrieval", seed: 8 });
    expect(body).toMatchObject({ task: "retrieval", method: { type: "lora" }, out_of_scope: null });
    const named = await create({ task: "retrieval", seed: 9, method: { type: "kv" } });
    expect(named.body.method.type).toBe("kv");
  });

  it("is OpenAI's object, with kv where no method is named", async () => {
    const { status, body } = await create({ suffix: "desk", seed: 7, metadata: { team: "support" } });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      object: "fine_tuning.job",
      status: "validating_files",
      model: "minilm-l6",
      fine_tuned_model: null,
      finished_at: null,
      organization_id: tenant.id,
      training_file: file,
      validation_file: null,
      result_files: [],
      trained_tokens: null,
      seed: 7,
      error: null,
      method: { type: "kv", kv: { hyperparameters: { n_epochs: "auto", tokens: "auto" } } },
      metadata: { team: "support" },
    });
  });

  it("has the method and hyperparameters that were asked for", async () => {
    const hyperparameters = { n_epochs: 3, tokens: 12, first_layer: 4 };
    const kv = await create({ seed: 1, method: { type: "kv", kv: { hyperparameters } } });
    expect(kv.body.hyperparameters).toEqual(hyperparameters);
    const habit = {
      type: "supervised",
      supervised: { hyperparameters: { n_epochs: 2, batch_size: "auto" } },
    };
    const supervised = await create({ seed: 2, method: habit });
    expect(supervised.body.method).toMatchObject({ type: "kv", kv: { hyperparameters: { n_epochs: 2 } } });
    const older = await create({ seed: 3, hyperparameters: { n_epochs: 5 } });
    expect(older.body.hyperparameters.n_epochs).toBe(5);
    const head = await create({ seed: 4, method: { type: "head" } });
    expect(head.body.method).toEqual({ type: "head", head: { hyperparameters: { n_epochs: "auto" } } });
  });

  it("has the candidates that are tried first", async () => {
    const sweep = [{}, { tokens: 4, first_layer: 2 }, { prompt_learning_rate: 0.01, n_epochs: 5 }];
    const { body } = await create({ seed: 5, sweep });
    expect(body.sweep).toEqual(sweep);
    const ranks = [{ rank: 2 }, { rank: 8 }];
    expect((await create({ seed: 6, method: { type: "lora" }, sweep: ranks })).body.sweep).toEqual(ranks);
    const hyperparameters = { n_epochs: "auto", first_layer: 1 };
    const bias = await create({ seed: 8, method: { type: "bias", bias: { hyperparameters } } });
    expect(bias.body).toMatchObject({ sweep: null, method: { type: "bias", bias: { hyperparameters } } });
  });

  it("starts its prompt, and learns it through, what it was told", async () => {
    const hyperparameters = { tokens: 4, init: "labels", reparam: { type: "low_rank", rank: 2 } };
    const soft = await create({ seed: 11, method: { type: "soft", soft: { hyperparameters } } });
    expect(soft.body.hyperparameters).toEqual({ n_epochs: "auto", ...hyperparameters });
    const text = await create({ seed: 12, hyperparameters: { init: { text: "questions to a bank" } } });
    expect(text.body.method).toMatchObject({
      type: "kv",
      kv: { hyperparameters: { init: { text: "questions to a bank" } } },
    });
    const { tunedModel: model } = await tune(api, tenant);
    const method = { type: "lora", lora: { hyperparameters: { rank: 4, init: { model } } } };
    const on = await create({ seed: 13, method });
    expect(on.body.hyperparameters).toMatchObject({ rank: 4, init: { model } });
    const random = await create({ seed: 14, hyperparameters: { init: "random", reparam: "auto" } });
    expect(random.body.hyperparameters).toEqual({ n_epochs: "auto", tokens: "auto", first_layer: "auto" });
  });

  it("isn't made where something would be silently ignored", async () => {
    const refused: [object, string][] = [
      [{ method: { type: "kv", kv: { hyperparameters: { n_epoch: 3 } } } }, "n_epoch"],
      [{ method: { type: "vpt" } }, "kv"],
      [{ method: { type: "head", head: { hyperparameters: { tokens: 3 } } } }, "tokens"],
      [{ method: { type: "soft", soft: { hyperparameters: { first_layer: 3 } } } }, "first_layer"],
      [{ method: { type: "lora", lora: { hyperparameters: { tokens: 3 } } } }, "tokens"],
      [{ method: { type: "bias", bias: { hyperparameters: { rank: 3 } } } }, "rank"],
      [{ method: { type: "head" }, hyperparameters: { tokens: 3 } }, "tokens"],
      [{ hyperparameters: { batch_size: 16 } }, "auto"],
      [{ hyperparameters: { init: "label" } }, "init"],
      [{ hyperparameters: { init: { text: "" } } }, "init"],
      [{ hyperparameters: { reparam: { type: "mlp", width: 0 } } }, "width"],
      [{ method: { type: "lora", lora: { hyperparameters: { init: "labels" } } } }, "init"],
      [{ method: { type: "bias", bias: { hyperparameters: { init: "labels" } } } }, "init"],
      [
        { method: { type: "kv", kv: { hyperparameters: {} } }, hyperparameters: { n_epochs: 3 } },
        "hyperparameters",
      ],
      [{ sweep: [{ tokens: 4 }] }, "sweep"],
      [{ sweep: [{ tokens: 4 }, { tokens: 4 }] }, "all different"],
      [{ sweep: [{}, { tokens: 0 }] }, "sweep"],
      [{ sweep: [{}, { learning_rate: 1 }] }, "learning_rate"],
      [{ sweep: [{}, { first_layer: 99 }] }, "sweep[1].first_layer"],
      [{ sweep: [{}, { rank: 4 }], method: { type: "kv" } }, "sweep[1].rank"],
      [{ sweep: [{}, { tokens: 4, rank: 4 }] }, "sweep[1].rank"],
      [{ sweep: [{}, { first_layer: 1 }], method: { type: "soft" } }, "sweep[1].first_layer"],
      [{ sweep: [{}, { dropout: 0.1 }], method: { type: "head" } }, "sweep"],
      [{ integrations: [{ type: "wandb" }] }, "integrations"],
      [{ trainingfile: file }, "trainingfile"],
      [{ suffix: "a/b" }, "suffix"],
      [{ seed: -1 }, "seed"],
      [{ metadata: Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`k${at}`, "v"])) }, "metadata"],
    ];
    for (const [fields, word] of refused) {
      const { status, body } = await create(fields);
      expect([status, body.error?.message], JSON.stringify(fields)).toEqual([
        400,
        expect.stringContaining(word),
      ]);
    }
    expect((await create({ model: "gpt-4o" })).body.error).toMatchObject({ code: "model_not_found" });
    expect((await create({ training_file: "file-nobody" })).body.error).toMatchObject({
      code: "not_found",
      param: "training_file",
    });
  });

  it("sent again is the same job, with a key and without (journey 5)", async () => {
    const [one, two] = await Promise.all([create({ seed: 100 }), create({ seed: 100 })]);
    expect(two.body.id).toBe(one.body.id);
    expect((await create({ seed: 101 })).body.id).not.toBe(one.body.id);
    const key = { "idempotency-key": "again" };
    const [three, four] = [await create({ seed: 102 }, key), await create({ seed: 102 }, key)];
    expect(four.body.id).toBe(three.body.id);
    expect((await create({ seed: 103 }, key)).status).toBe(422);
    expect((await create({ seed: 104 }, { "idempotency-key": "a b" })).status).toBe(400);
  });

  it("is paused, resumed and cancelled; an end is an end", async () => {
    const { body } = await create({ seed: 200 });
    const steer = async (verb: string) => (await tenant.call("POST", `${jobs}/${body.id}/${verb}`)).body;
    expect((await steer("pause")).status).toBe("paused");
    expect((await steer("resume")).status).not.toBe("paused");
    expect((await steer("cancel")).status).toBe("cancelled");
    expect((await steer("cancel")).status).toBe("cancelled");
    expect((await steer("resume")).error.code).toBe("job_ended");
    const ended = await tune(api, tenant);
    const late = await tenant.call("POST", `${jobs}/${ended.id}/cancel`);
    expect([late.status, late.body.error.code]).toEqual([400, "job_ended"]);
    expect(late.headers.get("x-should-retry")).toBe("false");
  });

  it("is listed in pages and by metadata", async () => {
    const other = await api.newTenant();
    const { body } = await other.upload(ROWS);
    const make = (seed: number, metadata: object) =>
      other.call("POST", jobs, { model: "minilm-l6", training_file: body.id, seed, metadata });
    for (let seed = 0; seed < 3; seed++) await make(seed, { team: seed === 1 ? "blue" : "red" });
    const page = await other.call("GET", `${jobs}?limit=2`);
    expect([page.body.data.length, page.body.has_more]).toEqual([2, true]);
    const rest = await other.call("GET", `${jobs}?limit=2&after=${page.body.last_id}`);
    expect([rest.body.data.length, rest.body.has_more]).toEqual([1, false]);
    const blue = await other.call("GET", `${jobs}?metadata%5Bteam%5D=blue`);
    expect(blue.body.data.map(({ seed }: { seed: number }) => seed)).toEqual([1]);
    expect((await other.call("GET", `${jobs}?metadat[team]=blue`)).status).toBe(400);
  });
});

describe("the events of a job", () => {
  const begun = async (seed: number) => {
    const { body } = await create({ seed });
    await queueJob(api.service, tenant.id, body.id);
    await beginJob(api.service, tenant.id, body.id);
    return body.id;
  };
  const progress = (id: string, step: number) =>
    reportProgress(api.service, tenant.id, id as never, {
      message: `step ${step}`,
      metrics: { step, train_loss: 1 / step },
    });

  it("are listed, the newest first", async () => {
    const id = await begun(300);
    await progress(id, 1);
    const { body } = await tenant.call("GET", `${jobs}/${id}/events?limit=2`);
    expect(body.data[0]).toMatchObject({
      object: "fine_tuning.job.event",
      level: "info",
      type: "metrics",
      message: "step 1",
      data: { step: 1, train_loss: 1 },
    });
    expect(body.has_more).toBe(true);
  });

  it("are followed to the end, each once and in order; a lost line goes on where it was", async () => {
    const id = await begun(301);
    const following = tenant.call("GET", `${jobs}/${id}/events`, undefined, { accept: "text/event-stream" });
    for (let step = 1; step <= 150; step++) await progress(id, step);
    await tenant.call("POST", `${jobs}/${id}/cancel`);
    const { headers, text } = await following;
    expect(headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
    const events = [...text.matchAll(/^id: (.+)\ndata: (\{.+\})$/gm)].map(([, name, data]) => ({
      name,
      event: JSON.parse(data as string),
    }));
    const steps = events.flatMap(({ event }) => (event.type === "metrics" ? [event.data.step] : []));
    expect(steps).toEqual(Array.from({ length: 150 }, (_, at) => at + 1));
    const middle = events[80];
    const rest = await tenant.call("GET", `${jobs}/${id}/events?stream=true`, undefined, {
      "last-event-id": middle?.name as string,
    });
    expect(rest.text.match(/^id: /gm)).toHaveLength(events.length - 81);
    expect(rest.text).not.toContain(middle?.name);
  });

  it("aren't looked at any more once the client has hung up", async () => {
    const id = await begun(302);
    const hangUp = new AbortController();
    const response = await api.fetch(
      new Request(`http://api.test${jobs}/${id}/events?stream=true`, {
        headers: { authorization: `Bearer ${tenant.key}` },
        signal: hangUp.signal,
      }),
    );
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    hangUp.abort();
    let chunks = 0;
    while (!(await reader.read()).done) chunks += 1;
    expect(chunks).toBeLessThan(10);
  });

  it("of nobody's job are a 404, not an empty stream", async () => {
    const { status } = await tenant.call("GET", `${jobs}/ftjob-nobody/events?stream=true`);
    expect(status).toBe(404);
  });
});

describe("checkpoints", () => {
  it("are listed, and answer as models", async () => {
    const { body } = await create({ seed: 400 });
    await queueJob(api.service, tenant.id, body.id);
    await beginJob(api.service, tenant.id, body.id);
    const bytes = new TextEncoder().encode("a checkpoint");
    const hash = Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex");
    await addCheckpoint(api.service, tenant.id, body.id, {
      step: 10,
      metrics: { train_loss: 0.5 },
      promptId: hash as never,
      bytes,
    });
    const { body: page } = await tenant.call("GET", `${jobs}/${body.id}/checkpoints`);
    const [checkpoint] = page.data;
    expect(checkpoint).toMatchObject({
      object: "fine_tuning.job.checkpoint",
      fine_tuning_job_id: body.id,
      step_number: 10,
      metrics: { train_loss: 0.5 },
    });
    const model = checkpoint.fine_tuned_model_checkpoint;
    const answer = await tenant.call("POST", "/v1/classify", { model, input: "x" });
    expect(answer.body.data[0].label).toBe(`${hash.slice(0, 8)}:1`);
  });
});
