import { createRoute } from "@hono/zod-openapi";
import {
  badField,
  UploadComplete,
  UploadCreate,
  UploadObject,
  UploadPartObject,
} from "@kilotune/contract/wire";
import { addUploadPart, cancelUpload, completeUpload, createUpload, type Upload } from "@kilotune/service";
import { readForm } from "../body/read-form.ts";
import { answers, ById, calls, form, json, sends } from "../declare.ts";
import { newRoutes } from "../env.ts";
import { repeatOf } from "../idempotency.ts";
import { formLimits } from "../limits.ts";
import { fileView } from "../views/file.ts";

const tags = ["Uploads"];

export function uploadRoutes() {
  const routes = newRoutes();

  routes.openapi(
    createRoute({
      ...sends("tune"),
      tags,
      method: "post",
      path: "/v1/uploads",
      summary: "Begin a file that comes in parts; it has an hour. The same call again is the same upload",
      request: json(UploadCreate),
      responses: answers("The upload, open", UploadObject),
    }),
    async (c) => {
      const body = c.req.valid("json");
      const { bytes, filename, purpose, expires_after } = body;
      const expires = expires_after === undefined ? {} : { expiresAfterSeconds: expires_after.seconds };
      const request = { bytes, filename, purpose, ...expires };
      const upload = await createUpload(c.var.service, c.var.tenant, request, repeatOf(c, body));
      return c.json(uploadView(upload), 200);
    },
  );

  routes.openapi(
    createRoute({
      ...calls("tune"),
      tags,
      method: "post",
      path: "/v1/uploads/{id}/parts",
      summary: "Send a part of at most 64 MB; parts may come at once",
      request: { params: ById, body: form("data") },
      responses: answers("The part", UploadPartObject),
    }),
    async (c) => {
      const { limits } = c.var.deps;
      await using given = await readForm(c.req.raw, "data", formLimits(limits, limits.partBytes));
      for (const name of given.fields.keys()) throw badField(name, "it is unknown here");
      const { id } = c.req.valid("param");
      const part = await addUploadPart(c.var.service, c.var.tenant, id, given.file.chunks());
      const view = { id: part.id, object: "upload.part" as const };
      return c.json({ ...view, created_at: part.createdAt, upload_id: part.upload }, 200);
    },
  );

  routes.openapi(
    createRoute({
      ...sends("tune"),
      tags,
      method: "post",
      path: "/v1/uploads/{id}/complete",
      summary: "Join the parts, in the order named, to a file, checked as any",
      request: { params: ById, ...json(UploadComplete) },
      responses: answers("The upload with its file", UploadObject),
    }),
    async (c) => {
      const { part_ids: partIds, md5 } = c.req.valid("json");
      const upload = await completeUpload(c.var.service, c.var.tenant, c.req.valid("param").id, {
        partIds,
        ...(md5 === undefined ? {} : { md5 }),
      });
      return c.json(uploadView(upload), 200);
    },
  );

  routes.openapi(
    createRoute({
      ...calls("tune"),
      tags,
      method: "post",
      path: "/v1/uploads/{id}/cancel",
      summary: "Give an upload up; its parts are removed",
      request: { params: ById },
      responses: answers("The upload, ended", UploadObject),
    }),
    async (c) =>
      c.json(uploadView(await cancelUpload(c.var.service, c.var.tenant, c.req.valid("param").id)), 200),
  );

  return routes;
}

function uploadView(upload: Upload): UploadObject {
  return {
    id: upload.id,
    object: "upload",
    bytes: upload.bytes,
    created_at: upload.createdAt,
    expires_at: upload.expiresAt,
    filename: upload.filename,
    purpose: upload.purpose as UploadObject["purpose"],
    status: upload.status,
    file: upload.file === null ? null : fileView(upload.file),
  };
}
