import { expect, it } from "vitest";
import { countUnits } from "./count-units.ts";

it("what a call, an upload and a job cost is what units.json says (vitest -u counts it anew)", async ({
  skip,
}) => {
  const units = await countUnits();
  if (units === undefined) return skip();
  await expect(`${JSON.stringify(units, null, 2)}\n`).toMatchFileSnapshot("./units.json");
});
