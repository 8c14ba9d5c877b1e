import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { isPublicAddress } from "./private-address.ts";
import { webhookSender } from "./send-webhook.ts";

/** A real server on this machine: what a webhook must not reach. */
let server: Server;
let port: number;
const seen: string[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      seen.push(`${request.method} ${request.url} ${request.headers["webhook-id"]} ${body}`);
      if (request.url === "/moved") response.writeHead(302, { location: "/secret" });
      response.end("x".repeat(100_000));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const message = () => ({
  headers: { "webhook-id": "evt-1" },
  body: "{}",
  signal: AbortSignal.timeout(2000),
});
const answering = (...addresses: string[]) => {
  const lookup = async () => addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  return { lookup };
};

it.each([
  ["a literal address", () => ["127.0.0.1"]],
  ["a name that leads to this machine", () => ["hook.example", "127.0.0.1"]],
  ["a name that leads to metadata", () => ["hook.example", "169.254.169.254"]],
  ["one private address among public ones", () => ["hook.example", "93.184.215.14", "127.0.0.1"]],
  ["IPv4 in IPv6", () => ["hook.example", "::ffff:127.0.0.1"]],
])("isn't connected to: %s", async (_, given) => {
  const [host = "", ...addresses] = given();
  for (const scheme of ["http", "https"]) {
    const send = webhookSender(answering(...addresses));
    await expect(send(`${scheme}://${host}:${port}/`, message())).rejects.toMatchObject({
      code: "webhook_refused",
    });
  }
  expect(seen).toEqual([]);
});

it("a name that was public when it was set is looked at again at each connection (DNS rebinding)", async () => {
  const answers = ["93.184.215.14", "127.0.0.1"];
  const asked: string[] = [];
  const line = new AbortController();
  const send = webhookSender({
    lookup: async (host) => {
      asked.push(host);
      // The first would lead outside, where no test goes.
      line.abort();
      return [{ address: answers.shift() ?? "", family: 4 }];
    },
  });
  const first = send(`https://hook.example:${port}/`, { ...message(), signal: line.signal });
  await expect(first).rejects.toMatchObject({ name: "AbortError" });
  await expect(send(`https://hook.example:${port}/`, message())).rejects.toMatchObject({
    code: "webhook_refused",
  });
  expect([asked, seen]).toEqual([["hook.example", "hook.example"], []]);
});

it("is posted where that is allowed; a redirect isn't followed, http to the public isn't sent", async () => {
  const send = webhookSender({ toPrivateNetwork: true, ...answering("127.0.0.1") });
  expect(await send(`http://hook.corp:${port}/x`, message())).toBe(200);
  expect(await send(`http://127.0.0.1:${port}/moved`, message())).toBe(302);
  expect(seen).toEqual(["POST /x evt-1 {}", "POST /moved evt-1 {}"]);
  const outward = webhookSender({ toPrivateNetwork: true, ...answering("93.184.215.14") });
  await expect(outward("http://hook.example/", message())).rejects.toMatchObject({ code: "webhook_refused" });
  await expect(send("http://127.0.0.1:1/", message())).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

it("knows what is public", () => {
  const isPublic = (text: string) => text.split(" ").map((address) => [address, isPublicAddress(address)]);
  const all = (text: string, is: boolean) => text.split(" ").map((address) => [address, is]);
  const open = "1.1.1.1 93.184.215.14 172.32.0.1 100.63.0.1 223.255.255.255 2606:4700::1111 2a00:1450::1";
  const closed =
    "0.0.0.0 10.9.8.7 100.64.0.1 127.1.2.3 169.254.169.254 172.31.255.255 192.168.0.1 198.19.0.1 224.0.0.1 255.255.255.255 " +
    ":: ::1 fe80::1 fc00::1 fd00:ec2::254 ff02::1 ::ffff:8.8.8.8 64:ff9b::a00:1 2002:a00:1:: 2001::1 2001:db8::1 localhost";
  expect(isPublic(open)).toEqual(all(open, true));
  expect(isPublic(closed)).toEqual(all(closed, false));
});
