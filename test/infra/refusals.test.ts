import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { SST_PLATFORM } from "../setup/sst-platform.ts";
import { fakeArtifacts } from "./artifacts.fixtures.ts";
import { type Harvest, harvest } from "./harvest.ts";
import { RULES } from "./rules.ts";

/** What a deployment is refused for, in words that say what to do; and what it may be asked for. */

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

function artifacts(options: Parameters<typeof fakeArtifacts>[0] = {}): string {
  const folder = fakeArtifacts(options);
  folders.push(folder);
  return folder;
}

interface Given {
  readonly stage?: string;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly folder?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

function deploy({ stage = "dev", secrets = SECRETS, folder = artifacts(), environment = {} }: Given) {
  return harvest({ stage, secrets, environment: { KILOTUNE_ARTIFACTS: folder, ...environment } });
}

const SECRETS = { AdminKeyHash: "a".repeat(64) };

describe.skipIf(!existsSync(SST_PLATFORM))("a deployment", () => {
  it("of a stage whose name isn't one", async () => {
    await expect(deploy({ stage: "Production" })).rejects.toThrow(/A stage's name: .* saw "Production"/);
  });

  it("of a stage whose names would be too long", async () => {
    const stage = `a${"b".repeat(30)}`;
    const refused = deploy({ stage, folder: artifacts({ backbones: ["a-backbone-with-a-long-name"] }) });
    await expect(refused).rejects.toThrow(
      /at most 64 letters, saw 7\d\. Choose a shorter name for the stage/,
    );
  });

  it("without its secret", async () => {
    await expect(deploy({ secrets: {} })).rejects.toThrow("sst secret set AdminKeyHash");
  });

  it("with the key where its hash should be, which isn't told on", async () => {
    const key = `kt_platform.${"0".repeat(26)}_${"s".repeat(43)}`;
    const refused = deploy({ secrets: { AdminKeyHash: key } });
    await expect(refused).rejects.toThrow(/expected a SHA-256 as 64 hex digits.*kilotune admin key new/s);
    await expect(refused).rejects.not.toThrow("ssss");
  });

  it("without what is to be built first", async () => {
    const folder = artifacts();
    await rm(path.join(folder, "functions/publish.zip"));
    await expect(deploy({ folder })).rejects.toThrow(
      /publish\.zip, there is none\. Make it with `npm run package`/,
    );
  });

  const sound = (stack: Harvest, shape: "personal" | "production") =>
    Object.fromEntries(
      Object.entries(RULES)
        .map(([name, rule]) => [name, rule(stack, { shape })] as const)
        // What a stage costs is told of those that are deployed as they are.
        .filter(([name, faults]) => faults.length > 0 && !name.includes("docs/costs.md")),
    );

  it("in tenant isolation mode: infer alone, nothing kept warm, callers told", async () => {
    const stack = await deploy({ stage: "production", environment: { KILOTUNE_TENANT_ISOLATION: "on" } });
    expect(sound(stack, "production")).toEqual({});
    const isolated = stack.resources.filter(({ inputs }) => inputs.tenancyConfig !== undefined);
    expect(isolated.map(({ name }) => name)).toEqual(["Function-infer-minilm-l6"]);
    expect(stack.resources.filter(({ type }) => type.includes("provisionedConcurrency"))).toEqual([]);
  });

  it("of a backbone that is too large for a layer: from an image", async () => {
    const stack = await deploy({ folder: artifacts({ home: "image" }) });
    expect(sound(stack, "personal")).toEqual({});
    const infer = stack.resources.find(({ name }) => name === "Function-infer-minilm-l6");
    expect(infer?.inputs).toMatchObject({
      packageType: "Image",
      imageUri: expect.stringMatching(/@sha256:/),
    });
    expect(stack.resources.filter(({ type }) => type.includes("layerVersion"))).toEqual([]);
  });

  it("of two backbones: each with its own functions and its own state", async () => {
    const stack = await deploy({ folder: artifacts({ backbones: ["minilm-l6", "vit-s14-saliency"] }) });
    expect(sound(stack, "personal")).toEqual({});
    const names = stack.resources.map(({ name }) => name);
    for (const backbone of ["minilm-l6", "vit-s14-saliency"])
      expect(names).toEqual(
        expect.arrayContaining([`Function-infer-${backbone}`, `Function-evaluate-${backbone}`]),
      );
    const machine = stack.resources.find(({ name }) => name === "Machine-jobs");
    const { States } = JSON.parse(machine?.inputs.definition as string);
    expect(States.Evaluate.Choices.map(({ Next }: { Next: string }) => Next)).toEqual([
      "Evaluate-minilm-l6",
      "Evaluate-vit-s14-saliency",
    ]);
    expect(States["Evaluate-vit-s14-saliency"].Resource).toMatch(/evaluate-vit-s14-saliency$/);
  });

  it("in a region of one's own", async () => {
    const stack = await deploy({ environment: { AWS_REGION: "eu-central-1" } });
    expect(stack.app.providers.aws.region).toBe("eu-central-1");
    expect(stack.outputs.dashboard).toContain("eu-central-1.console.aws.amazon.com");
  });

  it("tells no secret, neither in what it prints nor in what it makes", async () => {
    const stack = await deploy({ secrets: { AdminKeyHash: "c".repeat(64) } });
    const hash = /c{64}/;
    expect(JSON.stringify(stack.outputs)).not.toMatch(hash);
    // The hash goes to the one function that compares with it.
    const holders = stack.resources.filter(
      ({ type, inputs }) => type.startsWith("aws:") && hash.test(JSON.stringify(inputs)),
    );
    expect(holders.map(({ name }) => name)).toEqual(["Function-api"]);
  });
});
