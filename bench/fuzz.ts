import path from "node:path";
import { type FuzzRequest, fuzzer } from "@kilotune/api/testing-fuzz";
import { prng } from "@kilotune/dataset";
import { Kilotune } from "@kilotune/sdk";
import { openMiniLm } from "./support/backbone.ts";
import { defineBench, say } from "./support/bench.ts";
import { type PlantedTenant, plantTenants } from "./support/plant-tenants.ts";
import { serveProcess } from "./support/serve-process.ts";
import { withFolder } from "./support/temporary.ts";

export const bench = defineBench({
  about: "requests made from /openapi.json, valid, nearly valid and hostile, against a whole server",
  goal: "0 5xx but the declared 501, 0 hangs, 0 leaks of another tenant's things in 10,000 requests",
  flags: { requests: 10_000, seed: 0, lanes: 4 },
  run: ({ requests, seed, lanes }) =>
    withFolder(async (folder) => {
      const data = path.join(folder, "data");
      const callersCount = Math.ceil(requests / REQUESTS_A_CALLER);
      const [owner, ...callers] = await plantTenants(data, await openMiniLm(), 1 + callersCount);
      await using server = await serveProcess(data);
      const theirs = await thingsOf(server.url, owner!);
      const document = await (await fetch(`${server.url}/openapi.json`)).json();
      const random = prng(seed, "fuzz");

      const statuses = new Map<number, number>();
      const faults = { serverErrors: 0, hangs: 0, brokenLines: 0, unsendable: 0, leaks: 0, shapeless: 0 };
      const tell = (kind: keyof typeof faults, { method, path: at, body }: FuzzRequest, answer: string) => {
        const told = `${method} ${at.slice(0, 200)} ${String(body).slice(0, 200)} -> ${answer.slice(0, 400)}`;
        if (faults[kind]++ < 5) say(`  ${kind}: ${told}`);
      };
      const send = async (request: FuzzRequest, key: string, isAdmin: boolean) => {
        const init = await initOf(request, isAdmin ? server.adminKey : key);
        if (init === undefined) return tell("unsendable", request, "");
        try {
          const answer = await fetch(server.url + request.path, init);
          const text = await answer.text();
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
          if (answer.status >= 500 && answer.status !== 501) tell("serverErrors", request, text);
          if (answer.status >= 400 && !text.startsWith('{"error":{')) tell("shapeless", request, text);
          if (!isAdmin && theirs.hidden.some((mark) => text.includes(mark))) tell("leaks", request, text);
        } catch (error) {
          const isHang = error instanceof Error && error.name === "TimeoutError";
          tell(isHang ? "hangs" : "brokenLines", request, String((error as Error).cause ?? error));
        }
      };

      let sent = 0;
      // They delete their own models and files too: a fresh one now and then has something to lose.
      for (const caller of callers) {
        const own = await thingsOf(server.url, caller);
        // Of the owner's things the caller may well name some, so those may be answered with: not the hidden ones.
        const { next } = fuzzer(document, () => random.uniform(), {
          ids: [...own.named, "minilm-l6", ...theirs.named],
          skip: ["DELETE /v1/tenant", "DELETE /admin/tenants/{tenant}"],
        });
        const last = Math.min(requests, sent + REQUESTS_A_CALLER);
        const lane = async () => {
          while (sent < last) {
            const request = next();
            await send(request, caller.key, sent++ % 2 === 0 && request.path.startsWith("/admin"));
          }
        };
        await Promise.all(Array.from({ length: lanes }, lane));
        // Whatever was sent before, the next call is answered.
        const client = new Kilotune({ baseURL: server.url, apiKey: caller.key });
        await client.embeddings({ model: "minilm-l6", input: "where is my parcel" });
        say(`  ${sent} sent`);
      }

      const bad = Object.values(faults).reduce((sum, count) => sum + count, 0) - faults.unsendable;
      const figures = { requests: sent, ...faults, statuses: Object.fromEntries([...statuses].sort()) };
      return { figures, reached: bad === 0 && (statuses.get(200) ?? 0) > requests / 10 };
    }),
});

const REQUESTS_A_CALLER = 500;

/** A tenant's ids: some for requests to name, and some, with a file's name, that an answer can have from the store alone. */
async function thingsOf(url: string, { id, key, model }: PlantedTenant) {
  const client = new Kilotune({ baseURL: url, apiKey: key });
  const file = (text: string) =>
    client.files.create({
      file: new Blob([
        `${JSON.stringify({ text, label: "zebra" })}\n${JSON.stringify({ text, label: "b" })}\n`,
      ]),
      filename: `zebra-${id}.jsonl`,
      purpose: "fine-tune",
    });
  const secret = await file("hidden");
  const [job] = (await client.jobs.list()).data;
  const [first] = (await client.keys.list()).data;
  const named = [id, model, job!.id, job!.training_file, String(job!.prompt_id), (await file("named")).id];
  return { named, hidden: [`zebra-${id}`, secret.id, first!.id] };
}

/** undefined where `fetch` itself would refuse. */
async function initOf({ method, headers, body }: FuzzRequest, key: string): Promise<RequestInit | undefined> {
  // As bytes: fetch's own stream of a form can't be left early without an unhandled rejection.
  const form = body instanceof FormData ? new Response(body) : undefined;
  const type = form?.headers.get("content-type");
  const init: RequestInit = {
    method,
    body: method === "GET" || body === undefined ? null : form ? await form.arrayBuffer() : (body as string),
    headers: { ...headers, ...(type && { "content-type": type }), authorization: `Bearer ${key}` },
    signal: AbortSignal.timeout(HANG_MS),
  };
  try {
    new Request("http://127.0.0.1", init);
    return init;
  } catch {
    return undefined;
  }
}

const HANG_MS = 15_000;
