import { addTenant } from "@kilotune/local";
import { defineCommand } from "../command.ts";
import { printable } from "../terminal/printable.ts";
import { DATA_FLAG } from "./admin-data.ts";

export const adminTenantCreate = defineCommand({
  summary: "Make a tenant and its first key",
  details: "On the server's machine, while it is stopped. A running server takes POST /admin/tenants.",
  positionals: { name: { value: "NAME", count: "one", about: "For people" } },
  flags: {
    data: DATA_FLAG,
    plan: { kind: "choice", of: ["free", "team", "business"], about: "Its limits", default: "free" },
  },
  examples: [{ line: 'kilotune admin tenant create "Desk" --data ./data', purpose: "with the plan free" }],
  async run({ data, name, plan }, terminal) {
    const { tenant, key } = await addTenant(data, { name, plan });
    const { id } = tenant;
    terminal.result(
      { tenant: { id, name, plan: tenant.plan }, key: { id: key.key.id, secret: key.secret } },
      () => `${id}  ${printable(name, 100)}  plan ${tenant.plan}\nIts key, shown this once: ${key.secret}`,
    );
    return 0;
  },
});
