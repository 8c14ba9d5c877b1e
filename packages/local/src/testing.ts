import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { randomNumbers, type TinyBackbone, tinyBackbone } from "@kilotune/backbone/testing";
import { type LocalOptions, type LocalServer, startLocal } from "./start-local.ts";

/** What the tests of this package share: a tiny backbone, a server on a folder of its own, calls to it. */

const TOPICS = {
  card: "stolen bank cash pin",
  refund: "money paid price cost",
  parcel: "late courier door box",
};
const FILLERS = "my the is please help now about we you it today again still";
const words = (text: string) => text.split(" ");

export function openTiny(): Promise<TinyBackbone> {
  return tinyBackbone({ words: [...Object.keys(TOPICS), ...Object.values(TOPICS), FILLERS].flatMap(words) });
}

/** JSONL of `perClass` rows a class. */
export function toyFile(
  perClass: number,
  seed: number,
  labels: readonly string[] = Object.keys(TOPICS),
): string {
  const uniform = randomNumbers(seed);
  const pick = (from: readonly string[]) => from[Math.floor(uniform() * from.length)] as string;
  const rows = Object.values(TOPICS).flatMap((topic, at) =>
    Array.from({ length: perClass }, () => ({
      text: [
        pick(words(topic)),
        ...Array.from({ length: 5 }, () => pick(words(FILLERS))),
        pick(words(topic)),
      ].join(" "),
      label: labels[at],
    })),
  );
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}

export interface TestServer extends AsyncDisposable {
  server: LocalServer;
  readonly folder: string;
  readonly log: string[];
  /** Stops it and starts it again on the same folder. */
  restart(): Promise<void>;
}

export async function openTestServer(
  tiny: TinyBackbone,
  more: Partial<LocalOptions> = {},
): Promise<TestServer> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-local-"));
  const log: string[] = [];
  const options: LocalOptions = {
    data: path.join(folder, "data"),
    port: 0,
    backbones: [tiny],
    log: (line) => log.push(line),
    limits: { followMs: 20 },
    tunePriority: 0,
    ...more,
  };
  const self: TestServer = {
    server: await startLocal(options),
    folder,
    log,
    async restart() {
      await self.server.close();
      self.server = await startLocal(options);
    },
    async [Symbol.asyncDispose]() {
      await self.server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return self;
}

export interface Called {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of all shapes
  readonly body: any;
}

/** Calls with a key, to wherever the server is now. */
export function callsWith(test: TestServer, key: string) {
  return callsTo(() => test.server.url, key);
}

export function callsTo(url: () => string, key: string) {
  const send = async (
    method: string,
    route: string,
    body?: BodyInit,
    headers: Record<string, string> = {},
  ): Promise<Called> => {
    const answer = await fetch(url() + route, {
      method,
      headers: { authorization: `Bearer ${key}`, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    return { status: answer.status, body: await answer.json() };
  };
  return {
    call: (method: string, route: string, body?: unknown) =>
      body === undefined
        ? send(method, route)
        : send(method, route, JSON.stringify(body), { "content-type": "application/json" }),
    async text(route: string): Promise<string> {
      const answer = await fetch(url() + route, { headers: { authorization: `Bearer ${key}` } });
      return answer.text();
    },
    async bytes(route: string): Promise<Buffer> {
      const answer = await fetch(url() + route, { headers: { authorization: `Bearer ${key}` } });
      return Buffer.from(await answer.arrayBuffer());
    },
    importPrompt(bytes: Uint8Array): Promise<Called> {
      const form = new FormData();
      form.set("file", new File([bytes as BlobPart], "prompt.safetensors"));
      return send("POST", "/v1/prompts", form);
    },
    async upload(content: string, filename = "train.jsonl", purpose = "fine-tune"): Promise<string> {
      const form = new FormData();
      form.set("purpose", purpose);
      form.set("file", new File([content], filename));
      const { status, body } = await send("POST", "/v1/files", form);
      if (status >= 300) throw new Error(JSON.stringify(body));
      return body.id;
    },
  };
}

export type Calls = ReturnType<typeof callsWith>;

export async function newTenant(test: TestServer, adminKey: string, name = "Desk"): Promise<Calls> {
  const { body } = await callsWith(test, adminKey).call("POST", "/admin/tenants", { name, plan: "business" });
  return callsWith(test, body.key.secret);
}

/** Until it is in one of these states. */
export async function jobIs(calls: Calls, id: string, ...wanted: readonly string[]): Promise<Called["body"]> {
  for (let left = 600; left > 0; left--) {
    const { body } = await calls.call("GET", `/v1/fine_tuning/jobs/${id}`);
    if (wanted.includes(body.status)) return body;
    if (["succeeded", "failed", "cancelled"].includes(body.status))
      throw new Error(`the job is ${body.status}: ${JSON.stringify(body.error)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the job takes too long");
}
