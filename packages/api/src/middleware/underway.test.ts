import type { TenantId } from "@kilotune/contract";
import { expect, it } from "vitest";
import { Underway } from "./underway.ts";

it("tells when all of a tenant's calls but one's own are answered", async () => {
  const underway = new Underway();
  const [tenant, other] = ["tn-a", "tn-b"] as [TenantId, TenantId];
  underway.begin(tenant, "own");
  underway.begin(other, "of-another");
  const ends = [underway.begin(tenant, "first"), underway.begin(tenant, "second")];
  let isQuiet = false;
  const quiet = underway.quiet(tenant, "own").then(() => {
    isQuiet = true;
  });
  for (const end of ends) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(isQuiet).toBe(false);
    end();
  }
  await quiet;
  await underway.quiet("tn-c" as TenantId, "own");
});
