import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { randomNumbers } from "@kilotune/backbone/testing";
import type OpenAI from "openai";
import { classify, clientOf, eventsOf, jobOn, point, upload } from "./calls.ts";
import { exportedBytes } from "./exported-bytes.ts";
import type { Served } from "./served.ts";
import { openTinyPlace, rows, type TinyPlace } from "./tiny.ts";

/** What a server is killed in the middle of, in turn. */
export const PHASES = ["publication", "alias", "upload", "job"] as const;
export type Phase = (typeof PHASES)[number];

export interface KillFigures {
  readonly kills: Readonly<Record<Phase, number>>;
  /** Things whose making was answered before a kill. */
  readonly acknowledged: { readonly files: number; readonly jobs: number; readonly moves: number };
  /** Acknowledged, and not there any more or not as it was. */
  readonly lost: readonly string[];
  /** Seen in part, or twice; also a job that didn't end. */
  readonly torn: readonly string[];
  /** From the process's start to its first line. */
  readonly slowestStartMs: number;
}

/**
 * A server that is killed (SIGKILL) at random moments, again and again on one folder. After each restart everything that
 * was ever acknowledged is compared with what is there.
 */
export async function killRounds(options: {
  readonly count: number;
  readonly seed?: number;
  readonly onRound?: (round: number, phase: Phase) => void;
}): Promise<KillFigures> {
  await using place = await openTinyPlace();
  const uniform = randomNumbers(options.seed ?? 1);
  const story = await Story.begin(place);
  const kills = { publication: 0, alias: 0, upload: 0, job: 0 };
  for (let round = 0; round < options.count; round++) {
    const phase = PHASES[round % PHASES.length] as Phase;
    options.onRound?.(round, phase);
    await story.killedIn(phase, uniform);
    kills[phase]++;
    await story.restart();
  }
  await story.checkAll();
  const { files, jobs, moves, lost, torn, slowestStartMs } = story;
  return {
    kills,
    acknowledged: { files: files.size, jobs: jobs.size, moves },
    lost,
    torn,
    slowestStartMs: Math.round(slowestStartMs),
  };
}

const ALIAS = "live";
/** An upload, a PUT and a publication take a few milliseconds each; a job a second or two. */
const LONGEST_WAIT_MS: Readonly<Record<Phase, number>> = {
  upload: 120,
  job: 1500,
  publication: 60,
  alias: 60,
};
const JOB_END_MS = 60_000;

/** A tenant, what it did, and what it was told. */
class Story {
  /** Acknowledged: content by id. */
  readonly files = new Map<string, string>();
  /** Acknowledged: its file by job. */
  readonly jobs = new Map<string, string>();
  moves = 0;
  readonly lost: string[] = [];
  readonly torn: string[] = [];
  slowestStartMs = 0;

  readonly #place: TinyPlace;
  readonly #key: string;
  #server: Served;
  #client: OpenAI;
  /** With it jobs have checkpoints, unless they are killed at that moment. */
  #validation = "";
  /** All that was ever sent, by name; acknowledged or not. */
  readonly #sent = new Map<string, string>();
  /** Where the alias points as far as was answered, and where a PUT without an answer may have moved it. */
  #alias = { model: "", etag: "", perhaps: "" };
  /** Compared already: they don't change any more. */
  readonly #checked = new Set<string>();

  /** Two models, for the alias to go to and fro. */
  static async begin(place: TinyPlace): Promise<Story> {
    const server = await place.start();
    const story = new Story(place, server, await place.newTenant("Killed"));
    story.#validation = await story.#newFile(4);
    for (let at = 0; at < 2; at++) await story.#newJob();
    await story.#check();
    const [model] = await story.#models();
    if (model === undefined) throw new Error(`there is no model: ${story.torn}`);
    story.#alias = { model, etag: await point(story.#client, ALIAS, model), perhaps: "" };
    return story;
  }

  private constructor(place: TinyPlace, server: Served, key: string) {
    this.#place = place;
    this.#server = server;
    this.#key = key;
    this.#client = clientOf(server, key);
  }

  async killedIn(phase: Phase, uniform: () => number): Promise<void> {
    const server = this.#server;
    const waitMs = uniform() * LONGEST_WAIT_MS[phase];
    const kill = async () => {
      await setTimeout(waitMs);
      await server.kill();
    };
    let killed: Promise<void> | undefined;
    const ready = () => {
      killed ??= kill();
    };
    // Each ends when the line does.
    const work = {
      upload: this.#uploads,
      job: this.#job,
      publication: this.#publication,
      alias: this.#alternates,
    };
    try {
      await work[phase].call(this, ready);
    } catch (error) {
      // An answer, or something before the kill.
      if (killed === undefined || (error as { status?: number }).status !== undefined) throw error;
    }
    await killed;
  }

  async restart(): Promise<void> {
    const startedMs = performance.now();
    this.#server = await this.#place.start();
    this.slowestStartMs = Math.max(this.slowestStartMs, performance.now() - startedMs);
    this.#client = clientOf(this.#server, this.#key);
    await this.#check();
  }

  /** All from the beginning, and the sums. */
  async checkAll(): Promise<void> {
    this.#checked.clear();
    await this.#check();
    const held = await exportedBytes(this.#client);
    const { stored_bytes: counted } = await this.#client.get<{ stored_bytes: number }>("/usage");
    if (held !== counted)
      this.torn.push(`usage says ${counted} bytes are stored, files and prompts have ${held}`);
  }

  async #uploads(ready: () => void): Promise<void> {
    for (;;) {
      ready();
      await this.#newFile(2000);
    }
  }

  async #job(ready: () => void): Promise<void> {
    ready();
    for (;;) await this.#untilEnded(await this.#newJob());
  }

  async #publication(ready: () => void): Promise<void> {
    for (;;) {
      const id = await this.#newJob();
      for (let begun = false; !begun; await setTimeout(5)) {
        const { data } = await this.#client.fineTuning.jobs.listEvents(id, { limit: 5 });
        begun = data.some(({ message }) => message.startsWith("As served"));
      }
      ready();
      await this.#untilEnded(id);
    }
  }

  async #alternates(ready: () => void): Promise<void> {
    const [a = "", b = ""] = await this.#models();
    for (;;) {
      ready();
      const to = this.#alias.model === a ? b : a;
      this.#alias.perhaps = to;
      this.#alias = { model: to, etag: await point(this.#client, ALIAS, to, this.#alias.etag), perhaps: "" };
      this.moves++;
    }
  }

  async #newFile(perClass: number): Promise<string> {
    const name = `rows-${this.#sent.size}.jsonl`;
    const content = rows(perClass, this.#sent.size + 1);
    this.#sent.set(name, content);
    const id = await upload(this.#client, name, content);
    this.files.set(id, content);
    return id;
  }

  async #newJob(): Promise<string> {
    const file = await this.#newFile(8);
    const asked = { ...jobOn(file), validation_file: this.#validation };
    const { id } = await this.#client.fineTuning.jobs.create(asked);
    this.jobs.set(id, file);
    return id;
  }

  /** Compares what is there with what was acknowledged. */
  async #check(): Promise<void> {
    await this.#checkFiles(await this.#checkJobs());
    await this.#checkAlias();
    await this.#checkFolders();
  }

  /** @param results ids of the files that jobs say they have made */
  async #checkFiles(results: ReadonlySet<string>): Promise<void> {
    const listed = new Set<string>();
    for await (const { id, filename, bytes } of this.#client.files.list({ limit: 100 })) {
      listed.add(id);
      const content = this.#sent.get(filename);
      if (content === undefined && !results.has(id)) this.torn.push(`file ${filename}: nobody made it`);
      if (content === undefined || this.#checked.has(id)) continue;
      const held = await (await this.#client.files.content(id)).text();
      if (held !== content || bytes !== Buffer.byteLength(held))
        this.torn.push(`file ${filename}: other bytes`);
      this.#checked.add(id);
    }
    for (const id of [...this.files.keys(), ...results]) if (!listed.has(id)) this.lost.push(`file ${id}`);
  }

  /** Of all jobs the files that they say they have made. */
  async #checkJobs(): Promise<Set<string>> {
    const found = new Map<string, string>();
    const models: string[] = [];
    const results = new Set<string>();
    for await (const { id, training_file } of this.#client.fineTuning.jobs.list({ limit: 100 })) {
      if ([...found.values()].includes(training_file)) this.torn.push(`two jobs for ${training_file}`);
      found.set(id, training_file);
      const { status, model, prompt, files } = await this.#untilEnded(id);
      for (const file of files) results.add(file);
      if (files.length !== 3) this.torn.push(`job ${id} has ${files.length} result files`);
      if (status !== "succeeded" || model === null) this.torn.push(`job ${id} is ${status}`);
      else models.push(model);
      if (!this.#checked.has(id) && model !== null) await this.#checkModel(id, model, prompt);
      this.#checked.add(id);
    }
    for (const [id, file] of this.jobs) if (found.get(id) !== file) this.lost.push(`job ${id}`);
    const listed = await this.#models();
    if (listed.join() !== models.sort().join()) this.torn.push(`jobs made ${models}, models are ${listed}`);
    return results;
  }

  async #checkModel(job: string, model: string, prompt: string): Promise<void> {
    const told = (await eventsOf(this.#client, job)).map(({ message }) => message);
    for (const start of ["Created the fine-tuning job", "The job has succeeded"]) {
      const times = told.filter((message) => message.startsWith(start)).length;
      if (times !== 1) this.torn.push(`job ${job} told ${times} times: ${start}`);
    }
    const answer = await this.#client
      .get(`/prompts/${prompt}/content`, { __binaryResponse: true })
      .asResponse();
    const hash = createHash("sha256")
      .update(new Uint8Array(await answer.arrayBuffer()))
      .digest("hex");
    if (hash !== prompt) this.torn.push(`prompt ${prompt}: other bytes`);
    const { data } = await this.#client.fineTuning.jobs.checkpoints.list(job);
    for (const name of [model, ...data.map((each) => each.fine_tuned_model_checkpoint)])
      if ((await classify(this.#client, name, "late")).model !== name)
        this.torn.push(`${name} is answered by another`);
  }

  async #checkAlias(): Promise<void> {
    if (this.#alias.model === "") return;
    const answer = await this.#client.get(`/aliases/${ALIAS}`).asResponse();
    const { model } = (await answer.json()) as { model: string };
    const etag = answer.headers.get("etag") as string;
    const known = this.#alias;
    const stands = model === known.model && etag === known.etag;
    if (!stands && model !== known.perhaps) this.lost.push(`the alias's move to ${known.model}`);
    if ((await classify(this.#client, ALIAS, "late")).model !== model)
      this.torn.push(`the alias isn't its model`);
    this.#alias = { model, etag, perhaps: "" };
  }

  /** Nothing of a moment is kept: neither half of a blob, nor what a job had to itself. */
  async #checkFolders(): Promise<void> {
    const left = async () => {
      const of = (name: string) => readdir(path.join(this.#place.data, name), { recursive: true });
      const jobs = (await of("tenants")).filter((name) => /[/\\]jobs([/\\]|$)/.test(name));
      return [...(await of("temporary")), ...jobs];
    };
    // A job's last state tidies up after its end.
    for (const end = Date.now() + 5000; (await left()).length > 0; await setTimeout(50)) {
      if (Date.now() < end) continue;
      this.torn.push(`left on the disk: ${(await left()).slice(0, 3)}`);
      return;
    }
  }

  async #untilEnded(id: string) {
    for (const end = Date.now() + JOB_END_MS; ; await setTimeout(50)) {
      const job = await this.#client.fineTuning.jobs.retrieve(id);
      const { status, fine_tuned_model: model, result_files: files } = job;
      const over = ["succeeded", "failed", "cancelled"].includes(status) || Date.now() > end;
      if (over) return { status, model, files, prompt: (job as unknown as { prompt_id: string }).prompt_id };
    }
  }

  /** In order of name. */
  async #models(): Promise<string[]> {
    const { data } = await this.#client.models.list();
    return data
      .map(({ id }) => id)
      .filter((id) => id.startsWith("ft:"))
      .sort();
  }
}
