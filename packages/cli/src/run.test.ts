import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMMANDS } from "./main.ts";
import { callCli } from "./testing.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "kilotune-cli-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileOf(name: string, text: string) {
  const file = path.join(folder, name);
  await writeFile(file, text);
  return file;
}

describe("every command", () => {
  it.each([...COMMANDS.keys()])("%s has a page of help with an example", async (name) => {
    const { exitCode, stdout, stderr } = await callCli([...name.split(" "), "--help"]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`kilotune ${name}`);
    expect(stdout).toContain("Examples");
    expect(stdout).toContain("--json");
    expect(stderr).toBe("");
  });

  it.each([...COMMANDS.keys()])("%s refuses a flag that it doesn't know", async (name) => {
    const { exitCode, stdout, stderr } = await callCli([...name.split(" "), "--jsn"]);
    expect(exitCode).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain("Did you mean --json?");
  });
});

describe("finding the command", () => {
  it.each([
    [[], "expected a command"],
    [["lnt", "f"], "Did you mean kilotune lint?"],
    [["backbone"], "expected a command"],
    [["backbone", "pul", "x"], "Did you mean kilotune backbone pull?"],
    [["deploy"], "Commands: start, lint"],
  ])("%j is wrong usage", async (argv, words) => {
    const { exitCode, stderr } = await callCli(argv);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(words);
  });

  it("gives contents and version", async () => {
    expect((await callCli(["--help"])).stdout).toContain("backbone verify");
    const group = await callCli(["backbone", "--help"]);
    expect(group.stdout).toContain("backbone pull");
    expect(group.stdout).not.toContain("classify");
    expect((await callCli(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it("takes --json in front of the command, and gives errors as the last line of stdout then", async () => {
    const { exitCode, stdout, stderr } = await callCli(["--json", "lint", path.join(folder, "none.jsonl")]);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      error: { code: "file_not_found", message: expect.any(String), hint: expect.any(String) },
    });
    expect(stderr).toContain("none.jsonl");
    expect(stderr).not.toContain("    at ");
  });

  it("shows the stack with --debug only", async () => {
    expect((await callCli(["lint", path.join(folder, "none.jsonl"), "--debug"])).stderr).toContain("    at ");
  });
});

describe("sweep", () => {
  it("has its rows to choose by from --folds or from --validation", async () => {
    const { exitCode, stdout } = await callCli(
      "sweep t.jsonl tokens=1,2 --folds 3 --validation v.jsonl --json".split(" "),
    );
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout).error).toMatchObject({
      code: "usage",
      message: expect.stringContaining("--folds"),
    });
  });
});

describe("lint", () => {
  it("gives rows, labels, errors, warnings; a class may be named __proto__", async () => {
    const file = await fileOf("proto.jsonl", '{"text":"a","label":"__proto__"}\n{"text":"b","label":"x"}\n');
    const { exitCode, stdout } = await callCli(["lint", file, "--json"]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^\{"rows":2,"labels":\{"__proto__":1,"x":1\},"errors":\[\],"warnings":\[/);
    expect(stdout.trimEnd()).not.toContain("\n");
  });

  it("exits with 1 where there are errors, each with its place", async () => {
    const file = await fileOf(
      "bad.jsonl",
      '{"text":"a","label":"x"}\n{"text":"b"}\n{"text":"c","label":"y"}\n',
    );
    const { exitCode, stdout } = await callCli(["lint", file, "--json"]);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout).errors[0]).toEqual({
      line: 2,
      column: 0,
      code: "label_missing",
      message: expect.any(String),
      hint: expect.any(String),
    });
  });

  it("names the file of each issue where there are two, leaks among them", async () => {
    const rows = '{"text":"a","label":"x"}\n{"text":"b","label":"y"}\n';
    const [train, validation] = [await fileOf("t.jsonl", rows), await fileOf("v.jsonl", rows)];
    const { exitCode, stdout } = await callCli(["lint", train, "--validation", validation, "--json"]);
    const result = JSON.parse(stdout);
    expect(exitCode).toBe(0);
    expect(result.validation).toEqual({ rows: 2, labels: { x: 1, y: 1 } });
    expect(result.warnings).toContainEqual(expect.objectContaining({ file: validation, code: "leak" }));
  });

  it("says nothing of labels where rows have none", async () => {
    const rows = Array.from({ length: 20 }, (_, at) => `{"text":"row ${at}","value":${at}}\n`).join("");
    const { stdout } = await callCli(["lint", await fileOf("values.jsonl", rows)]);
    expect(stdout.trim()).toMatch(/values\.jsonl: 20 rows, 0 errors, 0 warnings$/);
  });

  it("reads stdin as -", async () => {
    const stdin = '{"text":"a","label":"x"}\n{"text":"b","label":"y"}\n';
    expect(JSON.parse((await callCli(["lint", "-", "--json"], { stdin })).stdout).rows).toBe(2);
  });

  it("shows people 20 of a kind, then how many more", async () => {
    const file = await fileOf("many.jsonl", `${'{"text":"a"}\n'.repeat(25)}`);
    const { stdout } = await callCli(["lint", file]);
    expect(stdout.match(/line \d+/g)).toHaveLength(20);
    expect(stdout).toContain("and 5 more");
  });
});

describe("what is read several times", () => {
  it.each([["compare"], ["sweep"]])("%s takes no pipe, which has its bytes once", async (name) => {
    const ranges = name === "sweep" ? ["tokens=2,4"] : [];
    const { exitCode, stderr } = await callCli([name, "/dev/null", ...ranges, "--test", "/dev/null"]);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("can be read only once")]);
  });
});

describe("wrong pairings", () => {
  it.each([
    [["tune", "t.jsonl", "--method", "head", "--tokens", "4"], "head has none"],
    [["tune", "t.jsonl", "--method", "bias", "--tokens", "4"], "bias has none"],
    [["tune", "t.jsonl", "--method", "bias", "--rank", "4"], "--rank is of --method lora"],
    [["sweep", "t.jsonl", "tokens=2,4", "--method", "bias"], "tokens: expected a setting of --method bias"],
    [["sweep", "t.jsonl", "firstLayer=0,1", "--method", "soft"], "a setting of --method soft"],
    [["tune", "t.jsonl", "--tiles", "--task", "classify"], "--tiles is of masks and boxes"],
    [["tune", "t.jsonl", "--method", "channels"], "for classification, kv, soft, deep, lora, bias, head"],
    [
      ["tune", "t.jsonl", "--method", "head", "--task", "retrieve"],
      "for retrieval, lora, kv, soft, deep, bias.",
    ],
    [["tune", "t.jsonl", "--method", "soft", "--first-layer", "2"], "--first-layer is of --method kv, deep"],
    [["classify", "--prompt", "p", "text", "--file", "f"], "both TEXT and --file"],
    [["classify", "--prompt", "p", "--prompt", "q", "text"], "several --prompt"],
    [["evaluate", "--prompt", "p", "--prompt", "q", "t.jsonl"], "more than once"],
    [["backbone", "pull", "bert-huge"], "minilm-l6"],
    [["compare", "t.jsonl"], "--test is missing"],
    [["compare", "t.jsonl", "--test", "u.jsonl", "--methods", "kv,lra"], "Did you mean lora?"],
    [["compare", "t.jsonl", "--test", "u.jsonl", "--methods", "kv,full"], "--with-full-tuning"],
    [
      ["compare", "t.jsonl", "--test", "u.jsonl", "--methods", "few-shot", "--report", "r.html"],
      "Add linear-probe",
    ],
    [["compare", "t.jsonl", "--test", "u.jsonl", "--with-full-tuning", "--precision", "int8"], "in fp32"],
  ])("%j is wrong usage", async (argv, words) => {
    const { exitCode, stderr } = await callCli(argv);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(words);
  });
});
