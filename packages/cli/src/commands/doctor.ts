import { existsSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { KilotuneError } from "@kilotune/contract";
import { defineCommand } from "../command.ts";
import { printable } from "../terminal/printable.ts";
import { table } from "../terminal/table.ts";

export const doctor = defineCommand({
  summary: "Look over what `sst deploy` needs, and say what is missing",
  details:
    "In the folder of sst.config.ts. Nothing is changed, and no secret is told. Exit code 1 where something is missing.",
  positionals: {},
  flags: {
    stage: { kind: "text", value: "NAME", about: "To be deployed: production, staging, or one's own" },
    offline: { kind: "switch", about: "Look at this machine alone; AWS isn't asked" },
  },
  examples: [
    { line: "kilotune doctor --stage jo", purpose: "before the first deployment" },
    { line: "kilotune doctor --stage production --json", purpose: "in a pipeline" },
  ],
  async run({ stage, offline }, terminal) {
    if (stage === undefined)
      throw new KilotuneError(
        "usage",
        "--stage: expected the stage to be deployed.",
        "Name it: --stage jo.",
        {
          kind: "usage",
        },
      );
    const { environment } = terminal.io;
    const examine = await loadExamine(process.cwd());
    const findings = await examine({
      stage,
      offline,
      environment,
      artifacts: environment.KILOTUNE_ARTIFACTS || "out/aws",
      nodeVersion: process.version,
      tell: (words) => terminal.progress(words, false),
    });
    terminal.endProgress();
    const missing = findings.filter(({ state }) => state === "missing");
    terminal.result({ stage, ready: missing.length === 0, findings }, () =>
      [...findings.flatMap(wordsOf), "", lastWords(stage, findings, offline)].join("\n"),
    );
    return missing.length === 0 ? 0 : 1;
  },
});

interface Finding {
  readonly name: string;
  readonly state: "ok" | "warning" | "unknown" | "missing";
  readonly seen: string;
  readonly todo?: string;
}

type Examine = (options: {
  readonly stage: string;
  readonly artifacts: string;
  readonly nodeVersion: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly offline: boolean;
  readonly tell: (words: string) => void;
}) => Promise<readonly Finding[]>;

/** Of the checkout that would be deployed: what it needs, its own files know. */
async function loadExamine(folder: string): Promise<Examine> {
  const file = path.join(folder, "infra/doctor/examine.ts");
  if (!existsSync(file) || !existsSync(path.join(folder, "sst.config.ts")))
    throw new KilotuneError(
      "no_checkout",
      `expected Kilotune's sources with sst.config.ts in ${folder}, saw none`,
      "Run it in the folder that you deploy from.",
      { kind: "usage" },
    );
  return ((await import(pathToFileURL(file).href)) as { examine: Examine }).examine;
}

/** What AWS and files say may hold anything. */
function wordsOf({ name, state, seen, todo }: Finding): string[] {
  const [row = ""] = table([[state.padEnd(7), name.padEnd(18), printable(seen, 500)]]);
  return todo === undefined ? [row] : [row, `         ${printable(todo, 1000)}`];
}

function lastWords(stage: string, findings: readonly Finding[], offline: boolean): string {
  const count = (wanted: Finding["state"]) => findings.filter(({ state }) => state === wanted).length;
  if (count("missing") > 0)
    return `${count("missing")} ${count("missing") === 1 ? "thing is" : "things are"} missing for ${stage}.`;
  if (offline) return `Nothing is missing here for ${stage}; the account wasn't looked at.`;
  const untold = count("unknown") > 0 ? ", as far as AWS tells" : "";
  return `Nothing is missing${untold}: npx sst deploy --stage ${stage}`;
}
