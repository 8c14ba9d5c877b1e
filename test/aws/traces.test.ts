import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { expect, it } from "vitest";
import { readEnvironment } from "../../packages/aws/src/environment.ts";
import { openService } from "../../packages/aws/src/service.ts";
import { tinyBackbone } from "../../packages/backbone/src/testing.ts";
import { WORDS } from "../../packages/serving/src/text/testing.ts";
import { build } from "./built.ts";
import { openCloud } from "./cloud.ts";
import { CREDENTIALS } from "./container-process.ts";
import { plant } from "./plant.ts";

it("a call is traced to X-Ray's daemon: its own part, and the store's behind it, without a text", async (context) => {
  await using tiny = await tinyBackbone({ words: WORDS });
  await using built = await build(["infer"], tiny.bundle);
  const cloud = await openCloud({ built, backbone: tiny.backbone, tune: async () => null });
  if (cloud === undefined) return context.skip();
  await using running = cloud;
  Object.assign(process.env, CREDENTIALS, running.environment);
  const service = openService(readEnvironment(running.environment));
  const { id: tenant, promptId } = await plant(service, tiny.backbone.manifest, 1);

  const packets: string[] = [];
  const daemon = createSocket("udp4", (packet) => packets.push(packet.toString()));
  daemon.bind(0, "127.0.0.1");
  await once(daemon, "listening");
  await using infer = await running.another("infer", {
    environment: {
      POWERTOOLS_TRACE_ENABLED: "true",
      POWERTOOLS_SERVICE_NAME: "infer-tiny",
      AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
      AWS_XRAY_DAEMON_ADDRESS: `127.0.0.1:${daemon.address().port}`,
      _X_AMZN_TRACE_ID: "Root=1-6748d1a0-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=1",
    },
  });
  const { payload } = await infer.invoke({
    task: "classify",
    tenant,
    promptId,
    inputs: ["my card was lost"],
  });
  expect(payload).toHaveProperty("classified");
  for (let left = 40; left > 0 && !packets.some((packet) => packet.includes("## infer")); left--)
    await setTimeout(50);
  daemon.close();

  const segments = packets.map((packet) => JSON.parse(packet.slice(packet.indexOf("\n") + 1)));
  const own = segments.find(({ name }) => name === "## infer");
  expect(own).toMatchObject({
    trace_id: "1-6748d1a0-0123456789abcdef01234567",
    annotations: { ColdStart: true },
  });
  const all = JSON.stringify(segments);
  expect(all).toContain('"operation":"GetObject"');
  expect(all).toContain('"operation":"AssumeRole"');
  expect(all).not.toContain("card");
  expect(infer.log()).not.toMatch(/"level":"(WARN|ERROR)"/);
});
