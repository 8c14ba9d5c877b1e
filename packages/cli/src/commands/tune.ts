import { defineCommand } from "../command.ts";
export const tune = defineCommand({
  summary: "tune",
  positionals: {},
  flags: {},
  examples: [],
  async run() {
    return 0;
  },
});
