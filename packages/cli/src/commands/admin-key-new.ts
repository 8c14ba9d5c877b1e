import { newFirstAdminKey } from "@kilotune/local";
import { defineCommand } from "../command.ts";

export const adminKeyNew = defineCommand({
  summary: "Make an admin key for a deployment in AWS, and the hash that it knows it by",
  details:
    "Nothing is stored, here or elsewhere: keep the key; the hash is the deployment's secret AdminKeyHash. Another hash is another key, for whoever lost theirs.",
  positionals: {},
  flags: {},
  examples: [{ line: "kilotune admin key new", purpose: "before the first deployment of a stage" }],
  async run(_, terminal) {
    const { secret, sha256 } = newFirstAdminKey();
    terminal.result({ adminKey: secret, sha256 }, () =>
      [
        `Admin key, shown this once: ${secret}`,
        `Its hash: npx sst secret set AdminKeyHash ${sha256} --stage STAGE`,
      ].join("\n"),
    );
    return 0;
  },
});
