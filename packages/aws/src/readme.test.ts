import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { VARIABLES } from "./environment.ts";
import { checkDeployment } from "./readme.example.ts";

it("the README's example is a file, and reads an environment", () => {
  const [readme, example] = ["../README.md", "./readme.example.ts"].map((file) =>
    readFileSync(new URL(file, import.meta.url), "utf8"),
  );
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\`\n`);

  const backbone = { id: "tiny", object: "backbone", title: "Tiny", licence: "MIT", tasks: [] };
  const numbers = { hidden_size: 32, max_tokens: 512, created: 0, layers: 2 };
  const variables = {
    [VARIABLES.stage]: "dev",
    [VARIABLES.table]: "table",
    [VARIABLES.bucket]: "bucket",
    [VARIABLES.backbones]: JSON.stringify([{ ...backbone, ...numbers }]),
    [VARIABLES.inferFunctions]: JSON.stringify({ tiny: "infer-tiny:live" }),
  };
  expect(checkDeployment(variables)).toMatchObject({
    stage: "dev",
    zips: expect.arrayContaining(["out/aws/functions/api.zip"]),
  });
  expect(() => checkDeployment({ ...variables, [VARIABLES.inferFunctions]: '{"other":"x"}' })).toThrow(
    "lacks tiny",
  );
  expect(() => checkDeployment({})).toThrow(/KILOTUNE_STAGE is missing.*KILOTUNE_BACKBONES is missing/);
});
