import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { Readable } from "node:stream";
import type { OpenAPIHono } from "@hono/zod-openapi";
import { Hono } from "hono";
import type { Env } from "../env.ts";
import { notFound } from "../errors/not-found.ts";

/** The OpenAPI document of all routes declared so far, and a page to read and try them; nothing comes from elsewhere. */
export function referenceRoutes(api: OpenAPIHono<Env>) {
  const routes = new Hono<Env>();
  const document = api.getOpenAPI31Document({
    openapi: "3.1.0",
    // The type is OpenAPI 3.0's, which has no identifier.
    info: {
      title: "Kilotune",
      version: "1",
      description: "A tuned model of a few kilobytes for every tenant, in OpenAI's wire format.",
      license: { name: "MIT", identifier: "MIT" },
    } as { title: string; version: string },
    servers: [{ url: "/" }],
  });

  routes.get("/openapi.json", (c) => c.json(document));
  routes.get("/docs", (c) => {
    c.header(
      "content-security-policy",
      "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'",
    );
    return c.html(PAGE);
  });
  routes.get("/docs/:asset", (c) => {
    const asset = c.req.param("asset");
    if (asset === "start.js") return c.body(START, 200, { "content-type": "text/javascript" });
    const type = ASSETS.get(asset);
    if (type === undefined) throw notFound();
    const file = createReadStream(path.join(folder(), asset));
    return c.body(Readable.toWeb(file) as ReadableStream<Uint8Array>, 200, { "content-type": type });
  });
  return routes;
}

const ASSETS: ReadonlyMap<string, string> = new Map([
  ["swagger-ui.css", "text/css; charset=utf-8"],
  ["swagger-ui-bundle.js", "text/javascript; charset=utf-8"],
  ["favicon-32x32.png", "image/png"],
]);

function folder(): string {
  return path.dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
}

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Kilotune API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const START = `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#reference", deepLinking: true, tryItOutEnabled: true });`;
