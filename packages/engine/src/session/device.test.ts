import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { chooseDevice } from "./device.ts";
import { openNodeSession } from "./node.ts";
import { SMALL_FEEDS, SMALL_RESULTS, smallGraph } from "./testing.ts";

const hasCuda = (await chooseDevice("auto")).device === "cuda";

it("is the CPU where that is asked for", async () => {
  expect(await chooseDevice("cpu")).toEqual({ device: "cpu", because: undefined });
});

it.skipIf(hasCuda)("is the CPU where CUDA can't be used, and says why (known fault 35)", async () => {
  const { device, because } = await chooseDevice("auto");
  expect(device).toBe("cpu");
  expect(because).toMatch(/^CUDA can't be used: ./);
  await expect(chooseDevice("cuda")).rejects.toMatchObject({ code: "device_unavailable", kind: "machine" });
  await expect(openNodeSession(smallGraph(), { device: "cuda" })).rejects.toMatchObject({
    code: "session_failed",
  });
});

it.runIf(hasCuda)(
  "is CUDA where it computes, and sessions give there what they give here (known faults 35 and 36)",
  async () => {
    expect((await chooseDevice("auto")).device).toBe("cuda");
    const session = await openNodeSession(smallGraph(), { device: "cuda" });
    expect(await session.run(SMALL_FEEDS)).toEqual(SMALL_RESULTS);
    await session.release();
  },
);

it("prints nothing of its own while it looks", () => {
  const program = `import("${new URL("device.ts", import.meta.url)}").then(({ chooseDevice }) => chooseDevice("auto"));`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ["-e", program], { encoding: "utf8" });
  expect([stdout, stderr, status]).toEqual(["", "", 0]);
});
