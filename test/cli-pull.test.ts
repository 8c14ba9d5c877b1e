import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { cacheFolder, findBackbone } from "@kilotune/backbone";
import { expect, it } from "vitest";
import { send, serve, temporaryFolder } from "../packages/backbone/src/download/testing.ts";
import { started } from "./started.ts";

const ID = "minilm-l6";
const WEIGHTS = "model.safetensors";
const known = path.join(cacheFolder(process.env), "backbones", ID, "source");

it.skipIf(!existsSync(path.join(known, WEIGHTS)))(
  "Ctrl-C while a backbone is fetched leaves what came, and the next call asks for the rest alone",
  async () => {
    await using folder = await temporaryFolder();
    const files = new Map<string, Uint8Array>();
    for (const { name } of findBackbone(ID).files) files.set(name, await readFile(path.join(known, name)));
    let isSlow = true;
    await using hub = await serve((request, response) => {
      const name = [...files.keys()].find(
        (each) => request.url?.endsWith(`/${each}`) && isOwn(request.url, each),
      );
      const bytes = name === undefined ? undefined : files.get(name);
      if (bytes === undefined) response.writeHead(404).end();
      // Some of it, and then nothing more.
      else if (isSlow && name === WEIGHTS)
        response.writeHead(200, { "content-length": bytes.length }).write(bytes.subarray(0, SOME_BYTES));
      else send(request, response, bytes);
    });
    const pull = () =>
      started(["backbone", "pull", ID, "--json"], {
        env: { ...process.env, KILOTUNE_CACHE: folder.path, KILOTUNE_HUB: hub.url },
      });
    const source = path.join(folder.path, "backbones", ID, "source");

    const first = pull();
    while ((await partSize(source)) < SOME_BYTES) await setTimeout(10);
    first.process.kill("SIGINT");
    const stopped = await first.ended;
    expect(stopped.code, stopped.stderr).toBe(130);
    expect(JSON.parse(stopped.stdout).error).toMatchObject({ code: "interrupted" });
    expect(await partSize(source)).toBe(SOME_BYTES);

    isSlow = false;
    const before = hub.requests.length;
    const again = await pull().ended;
    expect(again.code, again.stderr).toBe(0);
    expect(JSON.parse(again.stdout)).toMatchObject({ id: ID, folder: source });
    const asked = hub.requests.slice(before);
    expect(asked.filter((request) => request.includes(WEIGHTS))).toEqual([
      expect.stringMatching(new RegExp(`${WEIGHTS} bytes=${SOME_BYTES}-$`)),
    ]);
    // Files that were whole aren't fetched again.
    const all = hub.requests.map((request) => request.split(" ")[0]);
    for (const url of new Set(all.filter((each) => !each?.endsWith(WEIGHTS))))
      expect(all.filter((each) => each === url)).toHaveLength(1);
    expect((await readdir(source, { recursive: true })).some((name) => name.endsWith(".part"))).toBe(false);
  },
  120_000,
);

const SOME_BYTES = 1_000_000;

/** `config.json` isn't `1_Pooling/config.json`. */
function isOwn(url: string, name: string): boolean {
  return name.includes("/") || !url.endsWith(`/1_Pooling/${name}`);
}

/** Bytes of the weights that are there so far. */
async function partSize(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const part = names.find((name) => name.startsWith(WEIGHTS) && name.endsWith(".part"));
  return part === undefined ? 0 : (await stat(path.join(folder, part))).size;
}
