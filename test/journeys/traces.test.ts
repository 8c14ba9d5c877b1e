import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { clientOf } from "./calls.ts";
import { openTinyPlace } from "./tiny.ts";

/** `kilotune serve --traces`: what the process was doing is at the collector when it has ended. */

it("sends what it did to the collector that the operator names, and starts with no address that can't be one", async () => {
  const bodies: string[] = [];
  const collector = createServer(async (request, response) => {
    let body = "";
    for await (const text of request.setEncoding("utf8")) body += text;
    bodies.push(body);
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  }).listen(0, "127.0.0.1");
  await once(collector, "listening");
  await using place = await openTinyPlace();
  const refused = await place.start("--traces", "ftp://127.0.0.1");
  expect(refused.url).toBeUndefined();
  await expect.poll(() => refused.process.exitCode).toBe(2);

  const { port } = collector.address() as AddressInfo;
  const server = await place.start("--traces", `http://127.0.0.1:${port}`);
  const key = await place.newTenant("Desk");
  await clientOf(server, key).embeddings.create({ model: "tiny", input: "my card" });
  expect(await server.stop()).toBe(0);
  collector.close();
  const told = bodies.join("\n");
  for (const name of ["POST /v1/embeddings", "POST /admin/tenants", "authenticate", "pass", "meter"])
    expect(told).toContain(`"name":"${name}"`);
  for (const secret of [key, "Desk", "my card"]) expect(told).not.toContain(secret);
});
