import { defineCommand } from "../command.ts";
export const evaluate = defineCommand({
  summary: "evaluate",
  positionals: {},
  flags: {},
  examples: [],
  async run() {
    return 0;
  },
});
