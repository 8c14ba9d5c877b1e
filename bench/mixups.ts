import path from "node:path";
import { prng } from "@kilotune/dataset";
import { Kilotune } from "@kilotune/sdk";
import { type Call, asker } from "./support/ask.ts";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { classifyCall } from "./support/classify-calls.ts";
import { exampleFile } from "./support/places.ts";
import { plantTenants } from "./support/plant-tenants.ts";
import { serveProcess } from "./support/serve-process.ts";
import { withFolder } from "./support/temporary.ts";
import { readRows } from "./support/texts.ts";

export const bench = defineBench({
  about: "64 clients mix 16 tenants' prompts: each answer, number by number, against the one it got alone",
  goal: "0 wrong in 1,000 rounds of 64 calls, and usage that adds up",
  flags: { clients: 64, prompts: 16, rounds: 1000, texts: 40 },
  run: ({ clients, prompts, rounds, texts: textCount }) =>
    withFolder(async (folder) => {
      const backbone = await openMiniLm();
      const data = path.join(folder, "data");
      const tenants = await plantTenants(data, backbone, prompts);
      const texts = (await readRows(exampleFile("test.jsonl"))).slice(0, textCount).map(({ text }) => text);
      await using server = await serveProcess(data);
      const { ask, close } = asker(server.url, clients);

      // One at a time: each of these is a pass of its own.
      const expected: { call: Call; text: string }[][] = [];
      for (const { key, model } of tenants) {
        const answers: { call: Call; text: string }[] = [];
        for (const input of texts) {
          const call = classifyCall(key, model, input);
          const { status, text } = await ask(call);
          if (status !== 200) throw new Error(`${status} ${text}`);
          answers.push({ call, text });
        }
        expected.push(answers);
      }
      const distinct = new Set(expected.flat().map(({ text }) => text)).size;
      say(`${prompts * textCount} answers got alone, ${distinct} of them different`);

      let wrong = 0;
      let refused = 0;
      const asked = new Array<number>(prompts).fill(textCount);
      const client = async (at: number) => {
        const random = prng(at, "mixups");
        for (let round = 0; round < rounds; round++) {
          const tenant = (at + round) % prompts;
          const { call, text } = expected[tenant]![random.integer(textCount)]!;
          const answer = await ask(call);
          if (answer.status !== 200) refused++;
          else if (answer.text !== text) wrong++;
          asked[tenant]!++;
        }
      };
      const start = performance.now();
      await Promise.all(Array.from({ length: clients }, (_, at) => client(at)));
      const seconds = (performance.now() - start) / 1000;
      close();

      let miscounted = 0;
      for (const [at, { key }] of tenants.entries()) {
        const { data: rows } = await new Kilotune({ baseURL: server.url, apiKey: key }).usage();
        const counted = rows.reduce((sum, row) => sum + row.requests, 0);
        if (counted !== asked[at]) miscounted++;
      }
      const calls = clients * rounds;
      const figures = { calls, wrong, refused, miscounted, distinct, requestsPerSecond: calls / seconds };
      return { figures, reached: wrong === 0 && refused === 0 && miscounted === 0 };
    }),
});
