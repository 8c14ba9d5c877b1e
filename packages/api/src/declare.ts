import { ErrorBody } from "@kilotune/contract/wire";
import type { Scope } from "@kilotune/service";
import type { MiddlewareHandler } from "hono";
import { z } from "zod";
import type { Env } from "./env.ts";
import { needs } from "./middleware/authenticate.ts";
import { type BodyOptions, jsonBody } from "./middleware/json-body.ts";
import { takeRequest } from "./middleware/rate-limit.ts";

/** Words of the OpenAPI document that every route needs. Errors are thrown, so a handler's type knows success alone. */

/** A call with a key and without a JSON body. */
export function calls(scope: Scope): { middleware: MiddlewareHandler<Env>[]; security: Security } {
  return { middleware: [needs(scope), takeRequest], security: SECURITY };
}

/** A call with a key and a JSON body. */
export function sends(
  scope: Scope,
  options: BodyOptions = {},
): { middleware: MiddlewareHandler<Env>[]; security: Security } {
  return { middleware: [needs(scope), jsonBody(options)], security: SECURITY };
}

type Security = Record<string, string[]>[];
const SECURITY: Security = [{ bearer: [] }, { apiKey: [] }];

export function json<Schema extends z.ZodType>(schema: Schema) {
  return { body: { content: { "application/json": { schema } }, required: true } };
}

/**
 * A multipart form with one file. Declared for the reader alone: such a form is read as it streams (`readForm`), not by
 * Hono, which would hold it in memory.
 */
export function form(file: string, fields: Readonly<Record<string, object>> = {}) {
  const properties = { [file]: { type: "string", contentMediaType: "application/octet-stream" }, ...fields };
  const required = "purpose" in fields ? [file, "purpose"] : [file];
  const schema = { type: "object", required, properties } as const;
  return { required: true, content: { "multipart/form-data": { schema } } };
}

export function answers<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { 200: { description, content: { "application/json": { schema } } }, ...ERRORS };
}

/** A page, or the same as server-sent events. */
export function answersOrStreams<Schema extends z.ZodType>(description: string, schema: Schema) {
  const content = { "application/json": { schema }, "text/event-stream": { schema: STREAM } };
  return { 200: { description, content }, ...ERRORS };
}

const STREAM = { type: "string", description: "`data: {event}` lines, then `data: [DONE]`" } as const;

/** A 201 where others answer 200. */
export function created<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { 201: { description, content: { "application/json": { schema } } }, ...ERRORS };
}

export function download(mediaType: string) {
  return { 200: { description: "The bytes", content: { [mediaType]: { schema: BYTES } } }, ...ERRORS };
}

const BYTES = { type: "string", format: "binary" } as const;

const ERROR_CONTENT = { "application/json": { schema: ErrorBody } };
export const ERRORS = {
  "4XX": { description: "The call is to blame: see `code`", content: ERROR_CONTENT },
  "5XX": { description: "The server is to blame", content: ERROR_CONTENT },
} as const;

/** Any form is taken: whatever we don't know, or isn't the tenant's, is the same 404. */
export const ById = z.object({ id: z.string() });
