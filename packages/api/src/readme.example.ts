import { serve } from "@hono/node-server";
import { createApi, printLogLine } from "@kilotune/api";
import type { BackboneObject } from "@kilotune/contract/wire";
import type { Inference, Service } from "@kilotune/service";

export function listen(service: Service, inference: Inference, backbones: BackboneObject[], port: number) {
  const api = createApi({
    service,
    inference,
    backbones,
    logger: (line) => console.log(printLogLine(line)),
  });
  return serve({ fetch: api.fetch, port, hostname: "127.0.0.1" });
}
