import { createRoute } from "@hono/zod-openapi";
import {
  badField,
  ExpiresAfter,
  FileDeleted,
  FileListQuery,
  FileName,
  FileObject,
  FilePage,
  UploadPurpose,
} from "@kilotune/contract/wire";
import { createFile, deleteFile, getFile, listFiles, openFile } from "@kilotune/service";
import { field } from "../body/field.ts";
import { readForm } from "../body/read-form.ts";
import { answers, ById, calls, download, form } from "../declare.ts";
import { newRoutes } from "../env.ts";
import { idempotencyKey } from "../idempotency.ts";
import { formLimits } from "../limits.ts";
import { sendFile } from "../send-file.ts";
import { fileView } from "../views/file.ts";
import { pageQuery, pageView } from "../views/page.ts";

const tags = ["Files"];

export function fileRoutes() {
  const routes = newRoutes();

  routes.openapi(
    createRoute({
      ...calls("tune"),
      tags,
      method: "post",
      path: "/v1/files",
      summary:
        "Upload a file: rows (.jsonl, .csv, or a .zip of .jsonl and images), requests of a batch, an image. A data set with a bad line is refused with all its bad lines",
      request: { body: form("file", FIELDS) },
      responses: answers("The file, checked and stored", FileObject),
    }),
    async (c) => {
      const { limits } = c.var.deps;
      await using given = await readForm(c.req.raw, "file", formLimits(limits, limits.fileBytes));
      const request = fileRequest(given.fields, given.filename);
      const repeat = idempotencyKey(c);
      const file = await createFile(
        c.var.service,
        c.var.tenant,
        { ...request, ...(repeat === undefined ? {} : { idempotencyKey: repeat }) },
        given.file.chunks(),
      );
      return c.json(fileView(file), 200);
    },
  );

  routes.openapi(
    createRoute({
      ...calls("read"),
      tags,
      method: "get",
      path: "/v1/files",
      summary: "List files, the newest first",
      request: { query: FileListQuery },
      responses: answers("A page of files", FilePage),
    }),
    async (c) => {
      const { purpose, ...page } = c.req.valid("query");
      const query = { ...pageQuery(page), ...(purpose === undefined ? {} : { purpose }) };
      return c.json(pageView(await listFiles(c.var.service, c.var.tenant, query), fileView), 200);
    },
  );

  routes.openapi(
    createRoute({
      ...calls("read"),
      tags,
      method: "get",
      path: "/v1/files/{id}",
      summary: "Get a file",
      request: { params: ById },
      responses: answers("The file", FileObject),
    }),
    async (c) => c.json(fileView(await getFile(c.var.service, c.var.tenant, c.req.valid("param").id)), 200),
  );

  routes.openapi(
    createRoute({
      ...calls("read"),
      tags,
      method: "get",
      path: "/v1/files/{id}/content",
      summary: "The bytes as they were sent",
      request: { params: ById },
      responses: download("application/octet-stream"),
    }),
    async (c) => {
      const { file, chunks } = await openFile(c.var.service, c.var.tenant, c.req.valid("param").id);
      return sendFile(c, { name: file.filename, sizeBytes: file.bytes, chunks });
    },
  );

  routes.openapi(
    createRoute({
      ...calls("tune"),
      tags,
      method: "delete",
      path: "/v1/files/{id}",
      summary: "Delete a file",
      request: { params: ById },
      responses: answers("It is gone", FileDeleted),
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      await deleteFile(c.var.service, c.var.tenant, id);
      return c.json({ id, object: "file" as const, deleted: true as const }, 200);
    },
  );

  return routes;
}

const FIELDS = {
  purpose: { type: "string", enum: UploadPurpose.options },
  "expires_after[anchor]": { type: "string", enum: ["created_at"] },
  "expires_after[seconds]": { type: "integer", minimum: 3600, maximum: 2_592_000 },
} as const;

function fileRequest(fields: ReadonlyMap<string, string>, filename: string) {
  for (const name of fields.keys()) if (!(name in FIELDS)) throw badField(name, "it is unknown here");
  const seconds = fields.get("expires_after[seconds]");
  const purpose = field("purpose", UploadPurpose, fields.get("purpose"));
  const name = field("file", FileName, filename);
  if (seconds === undefined && !fields.has("expires_after[anchor]")) return { purpose, filename: name };
  const expires = { anchor: fields.get("expires_after[anchor]"), seconds: Number(seconds) };
  const expiresAfterSeconds = field("expires_after", ExpiresAfter, expires).seconds;
  return { purpose, filename: name, expiresAfterSeconds };
}
