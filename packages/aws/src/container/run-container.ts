import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { isCodedError, KilotuneError, parseId, parseTenantId } from "@kilotune/contract";
import type { Service } from "@kilotune/service";
import { childCompute, type Execution } from "@kilotune/worker";
import { readEnvironment } from "../environment.ts";
import { logFault } from "../observe.ts";
import { makeScratch } from "../scratch.ts";
import { openService } from "../service.ts";
import { bundlesIn, type HeldBundle } from "./bundles.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { tuneHere } from "./tune-here.ts";

const USAGE = `Tunes one job, or tries one candidate of its sweep, from the last checkpoint on.

  --tenant ID   or KILOTUNE_TENANT
  --job ID      or KILOTUNE_JOB
  --trial N     or KILOTUNE_TRIAL: the candidate, from 0; left out, the job is tuned
  --device D    or KILOTUNE_DEVICE: auto (default), cpu, cuda
  --help        this page

KILOTUNE_STAGE, KILOTUNE_TABLE and KILOTUNE_BUCKET say where the job is; KILOTUNE_BACKBONE_DIR is the folder of a backbone's
bundle, or of a folder for each of several.
Ends with 0 done, 2 called wrongly, 75 try again, 143 interrupted with a checkpoint.
`;

/**
 * @param words of the command line
 * @param variables of the environment
 * @param stop aborted where this machine goes away: within seconds all that was learnt is kept
 */
export async function runContainer(
  words: readonly string[],
  variables: Readonly<Record<string, string | undefined>>,
  stop: AbortSignal,
): Promise<ExitCode> {
  try {
    const wanted = wantedOf(words, variables);
    if (wanted === "help") {
      process.stdout.write(USAGE);
      return EXIT.done;
    }
    const environment = readEnvironment(variables);
    const bundles = await bundlesIn(environment.backboneDir);
    return await tuneHere(wanted.execution, {
      service: { ...openService(environment), backbones: backbonesOf(bundles) },
      compute: childCompute({
        bundles: new Map([...bundles].map(([id, { folder }]) => [id, folder])),
        threads: availableParallelism(),
        // Nobody else is here to leave the processor to.
        priority: 0,
        device: wanted.device,
      }),
      ...(wanted.trial === undefined ? {} : { trial: wanted.trial }),
      scratch: makeScratch(),
      stop,
    });
  } catch (error) {
    logFault(error);
    const told = isCodedError(error)
      ? `${error.message}\n${error.hint}`
      : "The container failed; see the line above.";
    process.stderr.write(`${told}\n`);
    return isCodedError(error) ? EXIT.usage : EXIT.unforeseen;
  }
}

/** What this image holds counts here, whatever the stage's functions were told. */
function backbonesOf(bundles: ReadonlyMap<string, HeldBundle>): Service["backbones"] {
  return new Map(
    [...bundles].map(([id, { input, layers }]) => [id, { id, createdAt: 0, layers, input }] as const),
  );
}

/** @throws KilotuneError `bad_usage` */
function wantedOf(words: readonly string[], variables: Readonly<Record<string, string | undefined>>) {
  const { help, ...given } = valuesOf(words);
  if (help) return "help";
  const value = (flag: keyof typeof given, variable: string) =>
    given[flag] ?? (variables[variable] || undefined);
  const tenant = parseTenantId(value("tenant", "KILOTUNE_TENANT") ?? "");
  const job = parseId("job", value("job", "KILOTUNE_JOB") ?? "");
  const trial = value("trial", "KILOTUNE_TRIAL");
  const device = value("device", "KILOTUNE_DEVICE") ?? "auto";
  if (tenant === undefined) throw usage("a tenant's id in --tenant or KILOTUNE_TENANT");
  if (job === undefined) throw usage("a job's id in --job or KILOTUNE_JOB");
  if (trial !== undefined && !/^\d{1,4}$/.test(trial))
    throw usage("a candidate's number in --trial or KILOTUNE_TRIAL");
  if (device !== "auto" && device !== "cpu" && device !== "cuda")
    throw usage("auto, cpu or cuda in --device or KILOTUNE_DEVICE");
  const execution: Execution = { tenant, job };
  return { execution, trial, device } as const;
}

function valuesOf(words: readonly string[]) {
  const text = { type: "string" } as const;
  const options = { tenant: text, job: text, trial: text, device: text, help: { type: "boolean" } } as const;
  try {
    return parseArgs({ args: [...words], options }).values;
  } catch (cause) {
    throw usage("the flags that --help shows", cause);
  }
}

function usage(expected: string, cause?: unknown): KilotuneError {
  return new KilotuneError("bad_usage", `The container expected ${expected}.`, "--help shows its flags.", {
    kind: "usage",
    cause,
  });
}
