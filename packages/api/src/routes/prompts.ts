import { createRoute } from "@hono/zod-openapi";
import { badField, PromptList, PromptObject, Suffix } from "@kilotune/contract/wire";
import { importPrompt, openPrompt, type TunedModel } from "@kilotune/service";
import { allModels } from "../all-models.ts";
import { field } from "../body/field.ts";
import { readForm } from "../body/read-form.ts";
import { answers, ById, calls, download, form } from "../declare.ts";
import { newRoutes } from "../env.ts";
import { formLimits } from "../limits.ts";
import { oneAtATime } from "../one-at-a-time.ts";
import { sendFile } from "../send-file.ts";

const tags = ["Prompts"];

export function promptRoutes() {
  const routes = newRoutes();
  // A file and its numbers are in memory while it is judged.
  const inTurn = oneAtATime();

  routes.openapi(
    createRoute({
      ...calls("read"),
      tags,
      method: "get",
      path: "/v1/prompts",
      summary: "List the files behind your tuned models",
      responses: answers("All of them", PromptList),
    }),
    async (c) => {
      const models = await allModels(c.var.service, c.var.tenant);
      const data = models.map(promptView);
      return c.json({ object: "list" as const, data }, 200);
    },
  );

  routes.openapi(
    createRoute({
      ...calls("tune"),
      tags,
      method: "post",
      path: "/v1/prompts",
      summary:
        "Make a model of a prompt's file, as downloaded here or elsewhere; the same call again is the same model",
      request: { body: form("file", { suffix: { type: "string", maxLength: 64 } }) },
      responses: answers("The prompt with its model", PromptObject),
    }),
    async (c) => {
      const { limits, acceptPrompt: accept } = c.var.deps;
      await using given = await readForm(c.req.raw, "file", formLimits(limits, limits.promptBytes));
      const { suffix, ...others } = Object.fromEntries(given.fields);
      for (const name of Object.keys(others)) throw badField(name, "it is unknown here");
      const asked = { accept, ...(suffix === undefined ? {} : { suffix: field("suffix", Suffix, suffix) }) };
      const model = await inTurn(async () => {
        const bytes = await bytesOf(given.file.chunks(), given.file.sizeBytes);
        return importPrompt(c.var.service, c.var.tenant, bytes, asked);
      });
      return c.json(promptView(model), 200);
    },
  );

  routes.openapi(
    createRoute({
      ...calls("read"),
      tags,
      method: "get",
      path: "/v1/prompts/{id}/content",
      summary: "Download a prompt (safetensors), to run it elsewhere; its id is its SHA-256",
      request: { params: ById },
      responses: download("application/octet-stream"),
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const { size, chunks } = await openPrompt(c.var.service, c.var.tenant, id);
      return sendFile(c, { name: `${id}.safetensors`, sizeBytes: size, chunks });
    },
  );

  return routes;
}

function promptView({ name, backbone, promptId, sizeBytes, createdAt }: TunedModel): PromptObject {
  return {
    id: promptId,
    object: "prompt",
    created_at: createdAt,
    model: name,
    backbone,
    bytes: sizeBytes,
  };
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>, sizeBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(sizeBytes);
  let at = 0;
  for await (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
