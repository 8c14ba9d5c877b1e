import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { ACCOUNT } from "./aws-answers.ts";

/** What SST's own program answers its components: where it keeps state and assets. We let it build nothing. */
export async function startSstServer(): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk;
    });
    request.on("end", () => {
      const { method, params } = JSON.parse(body) as { method: string; params: [{ region?: string }] };
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(answer(method, params[0])));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => void server.close(),
  };
}

function answer(method: string, { region }: { readonly region?: string }) {
  if (method !== "Provider.Aws.Bootstrap") return { error: `rpc: can't find service ${method}` };
  return {
    result: {
      asset: "sst-asset-test",
      state: "sst-state-test",
      assetEcrRegistryId: ACCOUNT,
      assetEcrUrl: `${ACCOUNT}.dkr.ecr.${region}.amazonaws.com/sst-asset`,
      appsyncHttp: "appsync.test",
      appsyncRealtime: "realtime.test",
    },
  };
}
