import { allTenants } from "@kilotune/local";
import { defineCommand } from "../command.ts";
import { oneLine } from "../terminal/printable.ts";
import { table } from "../terminal/table.ts";
import { DATA_FLAG } from "./admin-data.ts";

export const adminTenantList = defineCommand({
  summary: "The tenants of a server's folder",
  details: "On the server's machine, while it is stopped. A running server answers GET /admin/tenants.",
  positionals: {},
  flags: { data: DATA_FLAG },
  examples: [{ line: "kilotune admin tenant list --data ./data", purpose: "in order of id" }],
  async run({ data }, terminal) {
    const all = await allTenants(data);
    const tenants = all.map(({ id, name, plan, status }) => ({ id, name, plan, status }));
    terminal.result({ tenants }, () =>
      tenants.length === 0
        ? "There are none yet."
        : table(tenants.map(({ id, name, plan, status }) => [id, plan, status, oneLine(name, 60)])).join(
            "\n",
          ),
    );
    return 0;
  },
});
