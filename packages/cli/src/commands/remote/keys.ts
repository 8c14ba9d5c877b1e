import type { NewKey } from "@kilotune/sdk";
import { defineCommand } from "../../command.ts";
import { openService } from "../../remote/open-service.ts";
import { LIMIT, take } from "../../remote/take.ts";
import { fields, moment, rowsOr } from "../../remote/words.ts";
import type { Terminal } from "../../terminal/terminal.ts";
import { usageError } from "../../usage-error.ts";

const ID = { value: "ID", count: "one", about: "The key's id, key-.." } as const;
const EXAMPLE = "key-01kb0example000000000000000";
const SCOPES = ["infer", "tune", "read", "manage"] as const;

export const keysList = defineCommand({
  summary: "Your API keys; their secrets are kept nowhere",
  positionals: {},
  flags: { limit: LIMIT },
  examples: [{ line: "kilotune keys list", purpose: "which work, and when each was used last" }],
  async run({ limit }, terminal) {
    const keys = await take((await openService(terminal)).keys.list({ limit: Math.min(limit, 100) }), limit);
    terminal.result({ keys }, () =>
      rowsOr(
        "No keys.",
        keys.map(({ id, name, scopes, revoked_at, expires_at, last_used_at }) => [
          id,
          revoked_at !== null ? "revoked" : expires_at === null ? "good" : `until ${moment(expires_at)}`,
          scopes.join(" "),
          last_used_at === null ? "never used" : `used ${moment(last_used_at)}`,
          name,
        ]),
      ),
    );
    return 0;
  },
});

export const keysCreate = defineCommand({
  summary: "Make an API key; its secret is shown this once",
  positionals: {},
  flags: {
    name: { kind: "text", value: "NAME", about: "What it is for" },
    scope: { kind: "texts", value: SCOPES.join("|"), about: "What it may do; everything else" },
    "expires-days": {
      kind: "integer",
      value: "N",
      min: 1,
      max: 3650,
      about: "Good for so many days; for ever else",
    },
  },
  examples: [
    {
      line: "kilotune keys create --name web --scope infer",
      purpose: "a key that can classify, and nothing else",
    },
  ],
  async run({ name, scope, expiresDays }, terminal) {
    const scopes = scopesOf(scope);
    const made = await (await openService(terminal)).keys.create({
      ...(name !== undefined && { name }),
      ...(scopes.length > 0 && { scopes }),
      ...(expiresDays !== undefined && { expires_at: Math.floor(Date.now() / 1000) + expiresDays * 86_400 }),
    });
    showSecret(made, terminal);
    return 0;
  },
});

export const keysRotate = defineCommand({
  summary: "Make the next key of one; the old one works a while longer",
  positionals: { id: ID },
  flags: {
    "overlap-hours": {
      kind: "integer",
      value: "N",
      min: 0,
      max: 720,
      about: "How long the old one still works",
      default: 24,
    },
  },
  examples: [
    { line: `kilotune keys rotate ${EXAMPLE} --overlap-hours 1`, purpose: "an hour to change over" },
  ],
  async run({ id, overlapHours }, terminal) {
    const service = await openService(terminal);
    showSecret(await service.keys.rotate(id, { overlap_seconds: overlapHours * 3600 }), terminal);
    return 0;
  },
});

export const keysRevoke = defineCommand({
  summary: "End a key, at once and for good",
  positionals: { id: ID },
  flags: {},
  examples: [{ line: `kilotune keys revoke ${EXAMPLE}`, purpose: "for one that has leaked" }],
  async run({ id }, terminal) {
    const revoked = await (await openService(terminal)).keys.revoke(id);
    terminal.result(revoked, () => fields(revoked));
    return 0;
  },
});

function showSecret(made: NewKey, terminal: Terminal): void {
  terminal.result(made, () => fields(made));
  if (!terminal.json) terminal.say("The secret is kept nowhere: copy it now.");
}

/** @throws KilotuneError of kind "usage" */
function scopesOf(words: readonly string[]): (typeof SCOPES)[number][] {
  return words.map((word) => {
    const scope = SCOPES.find((each) => each === word);
    if (scope !== undefined) return scope;
    throw usageError("keys create", `--scope: expected ${SCOPES.join(", ")}`, "Try --scope infer.");
  });
}
