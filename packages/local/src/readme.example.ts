import { bundleOf, cacheFolder, hubUrl, loadBackbone } from "@kilotune/backbone";
import { startLocal } from "@kilotune/local";

/** On any free port. The server's `adminKey` is there the first time alone. */
export async function serveMinilm(data: string) {
  const places = { cache: cacheFolder(process.env), hub: hubUrl(process.env) };
  const backbone = await loadBackbone("minilm-l6", places);
  const bundle = await bundleOf("minilm-l6", places);
  const server = await startLocal({ data, port: 0, backbones: [{ backbone, bundle }] });
  process.once("SIGTERM", () => server.close());
  return server;
}
