import { defineCommand } from "../../command.ts";
import { openService } from "../../remote/open-service.ts";
import { oneLine } from "../../terminal/printable.ts";
import { table } from "../../terminal/table.ts";
import { bytes, duration } from "../../terminal/units.ts";

export const usage = defineCommand({
  summary: "Requests, tokens and tuning time by day and model; bytes stored now",
  positionals: {},
  flags: {
    from: { kind: "text", value: "YYYY-MM-DD", about: "First day (UTC); 30 days ago else" },
    to: { kind: "text", value: "YYYY-MM-DD", about: "Last day; today else" },
  },
  examples: [{ line: "kilotune usage --from 2026-11-01 --json", purpose: "for the books" }],
  async run({ from, to }, terminal) {
    const service = await openService(terminal);
    const { data, stored_bytes } = await service.usage({
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
    });
    terminal.result({ usage: data, stored_bytes }, () =>
      [
        ...table(
          data.map(({ date, model, requests, tokens, tuning_seconds }) => [
            date,
            oneLine(model, 100),
            `${requests} requests`,
            `${tokens} tokens`,
            duration(tuning_seconds),
          ]),
          ["left", "left", "right", "right", "right"],
        ),
        `Stored: ${bytes(stored_bytes)}`,
      ].join("\n"),
    );
    return 0;
  },
});
