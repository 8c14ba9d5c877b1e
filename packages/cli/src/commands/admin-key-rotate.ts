import { rotateAdminKey } from "@kilotune/local";
import { defineCommand } from "../command.ts";
import { DATA_FLAG } from "./admin-data.ts";

export const adminKeyRotate = defineCommand({
  summary: "Make a new admin key; the others are good for nothing from then on",
  details: "On the server's machine, while it is stopped: the folder belongs to one process at a time.",
  positionals: {},
  flags: { data: DATA_FLAG },
  examples: [{ line: "kilotune admin key rotate --data ./data", purpose: "when the key is lost, or seen" }],
  async run({ data }, terminal) {
    const { key, secret } = await rotateAdminKey(data);
    terminal.result({ id: key.id, adminKey: secret }, () => `Admin key, shown this once: ${secret}`);
    return 0;
  },
});
