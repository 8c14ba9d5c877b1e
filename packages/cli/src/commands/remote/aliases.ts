import { type Alias, type Kilotune, NotFoundError, type Precondition } from "@kilotune/sdk";
import { defineCommand } from "../../command.ts";
import { openService } from "../../remote/open-service.ts";
import { LIMIT, take } from "../../remote/take.ts";
import { fields, moment, rowsOr } from "../../remote/words.ts";
import { printable } from "../../terminal/printable.ts";
import type { Terminal } from "../../terminal/terminal.ts";
import { usageError } from "../../usage-error.ts";

const NAME = { value: "NAME", count: "one", about: "The alias" } as const;
const IF_MATCH = { kind: "text", value: "ETAG", about: "Only as it was read; as it is now else" } as const;

export const aliasesList = defineCommand({
  summary: "Your aliases, and the model behind each",
  positionals: {},
  flags: { limit: LIMIT },
  examples: [{ line: "kilotune aliases list", purpose: "by name" }],
  async run({ limit }, terminal) {
    const service = await openService(terminal);
    const aliases = await take(service.aliases.list({ limit: Math.min(limit, 100) }), limit);
    terminal.result({ aliases }, () =>
      rowsOr(
        "No aliases.",
        aliases.map(({ id, model, canary, updated_at }) => [
          id,
          model,
          canary === null ? "" : `${Math.round(100 * canary.share)} % to ${canary.model}`,
          moment(updated_at),
        ]),
      ),
    );
    return 0;
  },
});

export const aliasesGet = defineCommand({
  summary: "An alias with its ETag",
  positionals: { name: NAME },
  flags: {},
  examples: [{ line: "kilotune aliases get support --json", purpose: "the ETag for --if-match" }],
  async run({ name }, terminal) {
    show(await (await openService(terminal)).aliases.get(name), terminal);
    return 0;
  },
});

export const aliasesSet = defineCommand({
  summary: "Make an alias, or point it to another model; every later call sees it",
  details: "Never over somebody else's move: where the alias changes meanwhile, it is refused (exit code 1).",
  positionals: { name: NAME, model: { value: "MODEL", count: "one", about: "A tuned model, ft:.." } },
  flags: {
    canary: { kind: "text", value: "MODEL", about: "A second model that gets a share of the calls" },
    share: { kind: "integer", value: "PERCENT", min: 0, max: 100, about: "The canary's share" },
    "if-match": IF_MATCH,
  },
  examples: [
    {
      line: "kilotune aliases set support ft:minilm-l6:abcdefghijklmnop:desk:qrstuvwx",
      purpose: "all calls to one model",
    },
    {
      line: "kilotune aliases set support ft:minilm-l6:abcdefghijklmnop:desk:qrstuvwx --canary ft:minilm-l6:abcdefghijklmnop:v2:yzabcdef --share 5",
      purpose: "five of a hundred to another",
    },
  ],
  async run({ name, model, canary, share, ifMatch }, terminal) {
    if ((canary === undefined) !== (share === undefined)) {
      throw usageError("aliases set", "--canary and --share go together", "Give both or none.");
    }
    const service = await openService(terminal);
    const precondition = ifMatch === undefined ? await asItIsNow(service, name) : { ifMatch };
    const target =
      canary === undefined || share === undefined
        ? { model }
        : { model, canary: { model: canary, share: share / 100 } };
    show(await service.aliases.put(name, target, precondition), terminal);
    return 0;
  },
});

export const aliasesRollback = defineCommand({
  summary: "Point an alias back to what it pointed to before",
  positionals: { name: NAME },
  flags: { "if-match": IF_MATCH },
  examples: [{ line: "kilotune aliases rollback support", purpose: "undo the last move" }],
  async run({ name, ifMatch }, terminal) {
    const service = await openService(terminal);
    show(await service.aliases.rollback(name, ifMatch === undefined ? {} : { ifMatch }), terminal);
    return 0;
  },
});

export const aliasesDelete = defineCommand({
  summary: "Delete an alias; the models stay",
  positionals: { name: NAME },
  flags: { "if-match": IF_MATCH },
  examples: [{ line: "kilotune aliases delete support", purpose: "calls to it are refused from then on" }],
  async run({ name, ifMatch }, terminal) {
    const service = await openService(terminal);
    const deleted = await service.aliases.delete(name, ifMatch === undefined ? {} : { ifMatch });
    terminal.result(deleted, () => `Deleted ${printable(name, 100)}`);
    return 0;
  },
});

async function asItIsNow(service: Kilotune, name: string): Promise<Precondition> {
  try {
    return { ifMatch: (await service.aliases.get(name)).etag };
  } catch (error) {
    if (error instanceof NotFoundError) return { ifNoneMatch: "*" };
    throw error;
  }
}

function show(alias: Alias, terminal: Terminal): void {
  terminal.result(alias, () => fields(alias));
}
