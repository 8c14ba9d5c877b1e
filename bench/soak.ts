import { openAsBlob } from "node:fs";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { Kilotune } from "@kilotune/sdk";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { percentile } from "./support/percentile.ts";
import { exampleFile } from "./support/places.ts";
import { plantTenants } from "./support/plant-tenants.ts";
import { serveProcess } from "./support/serve-process.ts";
import { withFolder } from "./support/temporary.ts";
import { readRows } from "./support/texts.ts";

export const bench = defineBench({
  about: "everything at once for a while: models, vectors, files, aliases, jobs, hang-ups; resident memory",
  goal: "in the second half it grows by less than 5 % and nothing fails",
  flags: { minutes: 30, tenants: 200, clients: 8 },
  run: ({ minutes, tenants: count, clients }) =>
    withFolder(async (folder) => {
      const data = path.join(folder, "data");
      const tenants = await plantTenants(data, await openMiniLm(), count);
      const texts = (await readRows(exampleFile("test.jsonl"))).map(({ text }) => text);
      const rows = await openAsBlob(exampleFile("validation.jsonl"));
      await using server = await serveProcess(data);
      const clientsOf = tenants.map(({ key, model }): Desk => {
        const client = new Kilotune({ baseURL: server.url, apiKey: key, maxRetries: 0 });
        return { client, model };
      });
      const chores = choresOf({
        desk: (at) => clientsOf[at % count]!,
        text: (at) => texts[at % texts.length]!,
        rows,
        stranger: new Kilotune({ baseURL: server.url, apiKey: "kt_wrong", maxRetries: 0 }),
      });

      const end = performance.now() + minutes * 60_000;
      const done = new Map<string, number>();
      const failed = new Map<string, number>();
      const addOne = (counts: Map<string, number>, name: string) => {
        const now = (counts.get(name) ?? 0) + 1;
        counts.set(name, now);
        return now;
      };
      const repeat = async ({ name, pauseMs, work }: Chore, lane: number) => {
        for (let at = lane; performance.now() < end; at += clients) {
          try {
            await work(at);
            addOne(done, name);
          } catch (error) {
            if (addOne(failed, name) <= 3) say(`  ${name}: ${String(error)}`);
          }
          await setTimeout(pauseMs);
        }
      };
      const memory: Memory[] = [];
      const watch = async () => {
        for (const start = performance.now(); performance.now() < end; await setTimeout(2_000)) {
          const minute = (performance.now() - start) / 60_000;
          const mb = (await server.residentBytes()) / 1e6;
          if (memory.push({ minute, mb }) % 30 === 0) say(`  ${minute.toFixed(0)} min: ${mb.toFixed(0)} MB`);
        }
      };
      const lanes = chores.flatMap((chore) =>
        Array.from({ length: chore.name === "classify" ? clients : 1 }, (_, lane) => repeat(chore, lane)),
      );
      await Promise.all([watch(), ...lanes]);

      const half = memory.slice(Math.floor(memory.length / 2));
      const middle = Math.floor(half.length / 2);
      const median = (some: readonly Memory[]) =>
        percentile(
          some.map(({ mb }) => mb),
          0.5,
        );
      const growth = median(half.slice(middle)) / median(half.slice(0, middle)) - 1;
      const figures = {
        minutes,
        growth,
        mbAnHour: 60 * slope(half),
        startMb: memory[0]?.mb,
        endMb: memory.at(-1)?.mb,
        peakMb: Math.max(...memory.map(({ mb }) => mb)),
        done: Object.fromEntries(done),
        failed: Object.fromEntries(failed),
      };
      return { figures, reached: growth < 0.05 && failed.size === 0 };
    }),
});

interface Memory {
  readonly minute: number;
  readonly mb: number;
}

/** A tenant's client and its model. */
interface Desk {
  readonly client: Kilotune;
  readonly model: string;
}

interface World {
  desk(at: number): Desk;
  text(at: number): string;
  /** A small training file. */
  readonly rows: Blob;
  readonly stranger: Kilotune;
}

/** One thing again and again, by one tenant after the other. */
interface Chore {
  readonly name: string;
  readonly pauseMs: number;
  work(at: number): Promise<unknown>;
}

function choresOf({ desk, text, rows, stranger }: World): Chore[] {
  const upload = ({ client }: Desk, filename: string) =>
    client.files.create({ file: rows, filename, purpose: "fine-tune" });
  const texts = (at: number, count: number) => Array.from({ length: count }, (_, each) => text(at + each));
  return [
    {
      name: "classify",
      pauseMs: 20,
      work(at) {
        const { client, model } = desk(at);
        return client.classify({ model, input: text(at * 31) });
      },
    },
    {
      name: "embeddings",
      pauseMs: 100,
      work: (at) => desk(at).client.embeddings({ model: "minilm-l6", input: texts(at, 8) }),
    },
    {
      name: "files",
      pauseMs: 500,
      async work(at) {
        const { files } = desk(at).client;
        const { id } = await upload(desk(at), "files.jsonl");
        await (await files.content(id)).arrayBuffer();
        await files.delete(id);
      },
    },
    {
      name: "aliases",
      pauseMs: 300,
      async work(at) {
        const { client, model } = desk(at);
        const { etag } = await client.aliases.put("desk", { model }, { ifNoneMatch: "*" });
        await client.classify({ model: "desk", input: text(at) });
        await client.aliases.delete("desk", { ifMatch: etag });
      },
    },
    {
      name: "jobs",
      pauseMs: 5_000,
      async work(at) {
        const { client } = desk(at);
        const { id: file } = await upload(desk(at), "jobs.jsonl");
        const { id } = await client.jobs.create({
          model: "minilm-l6",
          training_file: file,
          seed: at,
          method: { type: "kv", kv: { hyperparameters: { n_epochs: 1, tokens: 4 } } },
        });
        for await (const _ of client.jobs.watch(id));
        const model = String((await client.jobs.get(id)).fine_tuned_model);
        await client.classify({ model, input: text(at) });
        await client.models.delete(model);
        await client.files.delete(file);
      },
    },
    {
      name: "hang-ups",
      pauseMs: 200,
      async work(at) {
        const { client, model } = desk(at);
        const signal = AbortSignal.timeout(5);
        await client.classify({ model, input: texts(at, 64) }, { signal }).catch(() => {});
      },
    },
    { name: "refusals", pauseMs: 200, work: async () => stranger.models.list().catch(() => {}) },
  ];
}

/** MB a minute, of the line with the least squares. */
function slope(memory: readonly Memory[]): number {
  const mean = (of: keyof Memory) => memory.reduce((sum, each) => sum + each[of], 0) / memory.length;
  const [minute, mb] = [mean("minute"), mean("mb")];
  const above = memory.reduce((sum, each) => sum + (each.minute - minute) * (each.mb - mb), 0);
  return above / memory.reduce((sum, each) => sum + (each.minute - minute) ** 2, 0);
}
