import { expect, it } from "vitest";
import { asStateError, jobErrorOf } from "./state-error.ts";

it("a scratch folder without room is tried again, and told as what it is", () => {
  const seen: unknown[] = [];
  for (const code of ["ENOSPC", "EDQUOT"]) {
    const full = Object.assign(new Error(`${code}: write /tmp/hush`), { code });
    const told = asStateError(full, (error) => seen.push(error));
    expect(told.name).toBe("TryAgain");
    expect(jobErrorOf({ Error: told.name, Cause: told.message })).toMatchObject({ code: "disk_full" });
    expect(told.message).not.toContain("hush");
    expect(seen.pop()).toBe(full);
  }
  const other = Object.assign(new Error("EACCES"), { code: "EACCES" });
  expect(asStateError(other, () => {}).name).toBe("JobFailed");
});
