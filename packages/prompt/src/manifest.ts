import { KilotuneError } from "@kilotune/contract";
import { z } from "zod";
import type { Refuse } from "./manifest/fields.ts";
import { checkSites, METHODS, type Method, type MethodPart } from "./manifest/methods.ts";
import { checkProvenance, origin, receipt } from "./manifest/provenance.ts";
import { type AnyUse, checkUse, USES, type UseName, usesOf } from "./manifest/uses.ts";
import { printable, quote } from "./quote.ts";

/** The key of the safetensors metadata under which the manifest stands, as canonical JSON. */
export const MANIFEST_KEY = "kilotune.prompt";

export const PROMPT_FORMAT = "kilotune.prompt/1";

const shared = {
  format: z.literal(PROMPT_FORMAT),
  title: z.exactOptional(z.string().max(500)),
  storage: z.enum(["float16", "float32"]),
  /** Of the backbone's weights when the metrics were measured; absent: as the checkpoint has them. */
  precision: z.exactOptional(z.literal("int8")),
  /** No times in here nor in the metrics: the same seed must give the same bytes. A prompt that wasn't imported has it. */
  receipt: z.exactOptional(receipt),
  /** In place of the receipt: nothing is known of the tuning. */
  origin: z.exactOptional(origin),
};

/** What all manifests have, whatever method and task. */
export interface SharedPart extends z.infer<z.ZodObject<typeof shared, z.core.$strict>> {}

/**
 * All that is known of a prompt besides its numbers. It travels in the file's metadata. Told apart by `method`, by `task` and
 * by `input`: absent for texts, "text_pair" or "image".
 */
export type PromptManifest = SharedPart & MethodPart & AnyUse;

/** Throws `unsupported_prompt_version` or `bad_prompt`, naming the first faults by their place in the manifest. */
export function parseManifest(value: unknown): PromptManifest {
  refuseOtherFormat(value);
  const parsed = schemaOf(value as object).safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data as PromptManifest;
  const faults = parsed.error.issues.slice(0, MAX_FAULTS).map(describeIssue);
  const more = parsed.error.issues.length - faults.length;
  throw badManifest(`${faults.join("; ")}${more > 0 ? `; and ${more} more` : ""}`);
}

const MAX_FAULTS = 3;

/** First, since the faults that this schema finds in another version's manifest would only mislead. */
function refuseOtherFormat(value: unknown): void {
  const format = typeof value === "object" && value !== null && "format" in value ? value.format : undefined;
  if (format === PROMPT_FORMAT) return;
  throw new KilotuneError(
    "unsupported_prompt_version",
    `prompt manifest: expected format "${PROMPT_FORMAT}", but saw ${quote(format)}`,
    "The prompt was written by another version of Kilotune: update Kilotune, or tune again with this one.",
  );
}

/** The schema of just this method and use, so that what is told is what this manifest lacks. */
function schemaOf(value: object): z.ZodType {
  const { method, input, task } = value as { method?: unknown; input?: unknown; task?: unknown };
  const methods = Object.keys(METHODS);
  if (typeof method !== "string" || !methods.includes(method))
    throw badManifest(`"method": expected ${alternatives(methods)}, but saw ${quote(method)}`);
  if (input !== undefined && !INPUTS.includes(input))
    throw badManifest(`"input": expected none, ${alternatives(INPUTS)}, but saw ${quote(input)}`);
  const uses = usesOf(input);
  const use = uses.find((each) => USES[each].task.value === task);
  if (use === undefined) {
    const tasks = uses.map((each) => USES[each].task.value);
    throw badManifest(`"task": expected ${alternatives(tasks)}, but saw ${quote(task)}`);
  }
  const key = `${method} ${use}`;
  const schema = SCHEMAS.get(key) ?? makeSchema(method as Method, use);
  SCHEMAS.set(key, schema);
  return schema;
}

const INPUTS: readonly unknown[] = ["text_pair", "image"];

const SCHEMAS = new Map<string, z.ZodType>();

function makeSchema(method: Method, use: UseName): z.ZodType {
  return z
    .strictObject({ ...METHODS[method], ...USES[use], ...shared } as z.core.$ZodLooseShape)
    .superRefine((parsed, context) => {
      const manifest = parsed as unknown as PromptManifest;
      const refuse: Refuse = (path, message) =>
        context.addIssue({ code: "custom", path: path.split("."), message });
      checkProvenance(manifest, refuse);
      checkUse(manifest, manifest, refuse);
      checkSites(manifest, manifest.backbone, refuse);
    });
}

function alternatives(values: readonly unknown[]): string {
  return values
    .map(quote)
    .join(", ")
    .replace(/, ([^,]*)$/, " or $1");
}

function badManifest(faults: string): KilotuneError {
  return new KilotuneError(
    "bad_prompt",
    `prompt manifest: ${faults}`,
    "The file was damaged or written by other software: fetch it again, or tune again.",
  );
}

function describeIssue({ path, message, input }: z.core.$ZodIssue): string {
  const place = path.length === 0 ? "" : `${quote(path.join("."))}: `;
  const isTold = typeof input === "object" || message.includes("received");
  return `${place}${printable(message)}${isTold ? "" : `, but saw ${quote(input)}`}`;
}
