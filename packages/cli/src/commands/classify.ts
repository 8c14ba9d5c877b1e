import { defineCommand } from "../command.ts";
export const classify = defineCommand({
  summary: "classify",
  positionals: {},
  flags: {},
  examples: [],
  async run() {
    return 0;
  },
});
