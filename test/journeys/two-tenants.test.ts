import type OpenAI from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";
import { randomNumbers } from "@kilotune/backbone/testing";
import { type Classified, classify, clientOf, jobIs, jobOn, point, upload } from "./calls.ts";
import { openTinyPlace, rows, textsOf, type TinyPlace } from "./tiny.ts";

/** Two tenants teach other labels on the same texts, at the same time, and are asked at the same time. */

const CLIENTS = 64;
const ROUNDS = 16;
const ALIAS = "support";
const TEXTS = textsOf(rows(12, 7));

/** One of the tenants, with what it was answered while nobody else asked. */
interface Side {
  readonly client: OpenAI;
  readonly labels: readonly string[];
  model: string;
  /** By text. */
  readonly alone: Map<string, Classified["data"][number]>;
  /** By model: what it was answered that it used. */
  readonly used: Map<string, { requests: number; tokens: number }>;
}

let place: TinyPlace;
let sides: readonly Side[];
beforeAll(async () => {
  place = await openTinyPlace();
  const server = await place.start("--jobs-at-once", "2");
  const side = async (name: string, labels: readonly string[]): Promise<Side> => {
    const client = clientOf(server, await place.newTenant(name));
    return { client, labels, model: "", alone: new Map(), used: new Map() };
  };
  // Of the same names in part: what tells them apart is then the numbers.
  sides = [await side("Acme", ["card", "money", "post"]), await side("Zeta", ["post", "card", "money"])];
});
afterAll(() => place[Symbol.asyncDispose]());

it("tunes both at once, each to labels of its own", async () => {
  const jobs = await Promise.all(
    sides.map(async ({ client, labels }) =>
      client.fineTuning.jobs.create(jobOn(await upload(client, "train.jsonl", rows(10, 3, labels)), 4)),
    ),
  );
  await Promise.all(
    sides.map(async (side, at) => {
      const job = await jobIs(side.client, (jobs[at] as { id: string }).id, "succeeded");
      side.model = job.fine_tuned_model as string;
      // Of the same name as the other's.
      await point(side.client, ALIAS, side.model);
    }),
  );
  for (const side of sides)
    for (const text of TEXTS) side.alone.set(text, (await asked(side, side.model, [text])).data[0]!);
  const [acme, zeta] = sides.map(({ alone }) => [...alone.values()]);
  expect(acme).not.toEqual(zeta);
});

it("answers 64 clients of both with their own tenant's answers alone", async () => {
  const uniform = randomNumbers(2);
  const pick = <T>(choices: readonly T[]) => choices[Math.floor(uniform() * choices.length)] as T;
  const wrong: unknown[] = [];
  const client = async (side: Side) => {
    for (let round = 0; round < ROUNDS; round++) {
      if (round % 8 === 7) {
        await embedded(side, pick(TEXTS));
        continue;
      }
      const texts = Array.from({ length: 1 + Math.floor(uniform() * 3) }, () => pick(TEXTS));
      const answer = await asked(side, pick([side.model, ALIAS]), texts);
      const wanted = texts.map((text, index) => ({ ...side.alone.get(text), index }));
      if (answer.model !== side.model || !same(answer.data, wanted)) wrong.push([answer, wanted]);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, at) => client(sides[at % 2] as Side)));
  expect(wrong.slice(0, 2)).toEqual([]);
});

it("knows no model of the other, by its name or through an alias", async () => {
  const [acme, zeta] = sides as [Side, Side];
  await expect(classify(acme.client, zeta.model, "late")).rejects.toMatchObject({ status: 404 });
  await expect(point(acme.client, "theirs", zeta.model)).rejects.toMatchObject({ status: 404 });
  const { data } = await acme.client.models.list();
  expect(data.map(({ id }) => id).sort()).toEqual([acme.model, "tiny"].sort());
});

it("counts every request and token, of each tenant its own", async () => {
  for (const { client, used } of sides) {
    const { data } = await client.get<{ data: { model: string; requests: number; tokens: number }[] }>(
      "/usage",
    );
    const counted = new Map<string, { requests: number; tokens: number }>();
    // By day: midnight may be among them.
    for (const { model, requests, tokens } of data) add(counted, model, requests, tokens);
    expect(counted).toEqual(used);
  }
});

async function asked(side: Side, model: string, texts: readonly string[]): Promise<Classified> {
  const answer = await classify(side.client, model, texts);
  add(side.used, answer.model, 1, answer.usage.prompt_tokens);
  return answer;
}

async function embedded({ client, used }: Side, input: string): Promise<void> {
  const { model, usage } = await client.embeddings.create({ model: "tiny", input });
  add(used, model, 1, usage.prompt_tokens);
}

function add(to: Side["used"], model: string, requests: number, tokens: number): void {
  const sum = to.get(model) ?? { requests: 0, tokens: 0 };
  to.set(model, { requests: sum.requests + requests, tokens: sum.tokens + tokens });
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
