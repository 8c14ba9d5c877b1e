import { readFile } from "node:fs/promises";
import path from "node:path";
import { PLATFORM, type TenantId } from "@kilotune/contract";
import { createKey } from "@kilotune/service";
import type { JsonObject } from "@kilotune/store";
import { expect, it } from "vitest";
import { callsWith, openTestApi } from "../packages/api/src/testing.ts";

/** Records as version 0.1.0 wrote them, of every kind (see setup/make-old-records.ts): whoever adds a field meets them. */

interface Old {
  readonly tenant: TenantId;
  readonly records: Readonly<Record<string, readonly { readonly id: string; readonly value: JsonObject }[]>>;
}

it("are answered by every route that reads", async () => {
  const file = path.join(import.meta.dirname, "setup/old-records.json");
  const { tenant, records }: Old = JSON.parse(await readFile(file, "utf8"));
  await using api = await openTestApi();
  for (const [kind, rows] of Object.entries(records))
    for (const { id, value } of rows)
      await api.service.records.write(kind === "tenant" ? PLATFORM : tenant, [
        { put: { kind, id }, value, expect: "any" },
      ]);
  const { secret } = await createKey(api.service, tenant);
  const calls = callsWith(api, secret);
  const idOf = (kind: string) => records[kind]?.[0]?.id as string;
  const ids: Readonly<Record<string, string>> = {
    "/v1/files/{id}": idOf("file"),
    // The one that has checkpoints, and runs.
    "/v1/fine_tuning/jobs/{id}": idOf("checkpoint").split("/")[0] as string,
    "/v1/models/{model}": encodeURIComponent(idOf("model")),
    "/v1/aliases/{name}": idOf("alias"),
    "/v1/batches/{id}": idOf("batch"),
  };
  const { body: document } = await calls.call("GET", "/openapi.json");
  const seen: string[] = [];
  for (const [route, methods] of Object.entries<object>(document.paths)) {
    // The bytes aren't there.
    if (
      !("get" in methods) ||
      !route.startsWith("/v1/") ||
      route.endsWith("/content") ||
      route === "/v1/export"
    )
      continue;
    const root = Object.keys(ids).find((each) => route.startsWith(each)) ?? "";
    const { status, text } = await calls.call("GET", route.replace(/\{[^}]+\}/, ids[root] ?? ""));
    expect(status, `${route}: ${text}`).toBe(200);
    seen.push(text);
  }
  expect(seen.length).toBeGreaterThan(14);
  for (const kind of ["file", "job", "checkpoint", "model", "alias", "batch", "key", "prompt"])
    expect(seen.join(""), kind).toContain(idOf(kind).split("/").at(-1));
  // And go on from there.
  const job = ids["/v1/fine_tuning/jobs/{id}"];
  expect((await calls.call("POST", `/v1/fine_tuning/jobs/${job}/cancel`)).body.status).toBe("cancelled");
  expect((await callsWith(api, api.adminKey).call("DELETE", `/admin/tenants/${tenant}`)).status).toBe(200);
});
