import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { cacheFolder } from "@kilotune/backbone";
import { describe, expect, it } from "vitest";
import { HADOLINT } from "../../test/setup/hadolint.ts";
import { installedPython } from "../../test/setup/python-tool.ts";

const python = await installedPython(cacheFolder(process.env), HADOLINT);
const hadolint = python && path.join(path.dirname(python), "hadolint");
if (hadolint === undefined) console.log("skipped: hadolint's rules, since it isn't installed");

const FILES = ["job.Dockerfile", "infer.Dockerfile"];
const read = (name: string) => readFileSync(path.join(import.meta.dirname, name), "utf8");

describe.each(FILES)("%s", (name) => {
  it("breaks none of our rules", () => {
    expect(faultsOf(read(name))).toEqual([]);
  });

  it.skipIf(hadolint === undefined)("breaks none of hadolint's", () => {
    const { status, stdout } = spawnSync(hadolint as string, ["-"], { input: read(name), encoding: "utf8" });
    expect([stdout, status]).toEqual(["", 0]);
  });
});

describe("seeded faults", () => {
  const job = read("job.Dockerfile");
  const swap = (from: string | RegExp, to: string) => {
    const changed = job.replace(from, to);
    expect(changed).not.toBe(job);
    return faultsOf(changed);
  };

  it("are each seen", () => {
    expect(swap(/FROM \S+ AS installed/, "FROM node:24 AS installed")).toEqual([
      "FROM node:24: a base comes by an argument, which is a digest",
    ]);
    expect(swap("ARG NODE_IMAGE", "ARG NODE_IMAGE=node:24")).toEqual([
      "ARG NODE_IMAGE=node:24: no base by default",
    ]);
    expect(swap("USER 10001:10001", "USER root")).toEqual(["stage cpu: ends as root"]);
    expect(swap(/USER 10001:10001\n(?=STOPSIGNAL SIGTERM\nENTRYPOINT [^\n]+\n$)/, "")).toEqual([
      "stage gpu: ends as root",
    ]);
    expect(swap("COPY sources/ ./", "ADD sources/ ./")).toEqual(["ADD: unpacks and fetches; COPY doesn't"]);
    expect(swap("STOPSIGNAL SIGTERM", "STOPSIGNAL SIGKILL")).toEqual([
      "STOPSIGNAL SIGKILL: a job couldn't keep its checkpoint",
    ]);
    expect(swap('["node", "packages', '["sh", "-c", "node packages')).toEqual([
      "stage cpu: its first process has to be node, which hears signals",
    ]);
    expect(swap("NODE_ENV=production", "AWS_SECRET_ACCESS_KEY=x")).toEqual([
      "ENV: a secret has no place in an image",
    ]);
  });

  it.skipIf(hadolint === undefined)("are seen by hadolint where they are its own", () => {
    const input = job.replace("USER 10001:10001", "USER root").replace("WORKDIR /app", "WORKDIR app");
    const { status, stdout } = spawnSync(hadolint as string, ["-"], { input, encoding: "utf8" });
    expect(status).not.toBe(0);
    expect(stdout).toContain("DL3000");
    expect(stdout).toContain("DL3002");
  });
});

/** What matters here and hadolint doesn't look for. */
function faultsOf(dockerfile: string): string[] {
  const lines = dockerfile
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));
  const faults: string[] = [];
  const stages: { name: string; user: string; entry: string }[] = [];
  for (const line of lines) {
    const [word = "", ...rest] = line.split(/\s+/);
    const stage = stages.at(-1);
    if (word === "FROM") {
      const [base = "", , name = "last"] = rest;
      const isOurs = stages.some((each) => each.name === base);
      if (!isOurs && !/^\$\{[A-Z_]+\}$/.test(base))
        faults.push(`FROM ${base}: a base comes by an argument, which is a digest`);
      stages.push({ name, user: "root", entry: "" });
    }
    if (word === "ARG" && line.includes("=")) faults.push(`${line}: no base by default`);
    if (word === "ADD") faults.push("ADD: unpacks and fetches; COPY doesn't");
    if (word === "STOPSIGNAL" && rest[0] !== "SIGTERM")
      faults.push(`${line}: a job couldn't keep its checkpoint`);
    if (word === "ENV" && /(SECRET|PASSWORD|TOKEN|ACCESS_KEY)/.test(line))
      faults.push("ENV: a secret has no place in an image");
    if (word === "USER" && stage !== undefined) stage.user = rest[0] ?? "";
    if ((word === "ENTRYPOINT" || word === "CMD") && stage !== undefined)
      stage.entry = `${word} ${rest.join(" ")}`;
  }
  // Stages that are run are those that end in a command.
  const run = stages.filter(({ name, entry }) => entry !== "" || ["cpu", "gpu", "last"].includes(name));
  for (const { name, user, entry } of run) {
    if (!/^[1-9]\d*:[1-9]\d*$/.test(user)) faults.push(`stage ${name}: ends as root`);
    if (entry.startsWith("ENTRYPOINT") && !entry.startsWith('ENTRYPOINT ["node",'))
      faults.push(`stage ${name}: its first process has to be node, which hears signals`);
  }
  return faults;
}
