import path from "node:path";
import { type CommandLine, runCommand } from "../command.ts";
import { megabytes } from "../layers/limits.ts";
import { packageFunctions } from "./package.ts";

const OUT = path.resolve(import.meta.dirname, "../../out/aws/functions");

export const PACKAGE: CommandLine = {
  name: "npm run package --",
  about: "The Lambda functions' zips.",
  actions: {
    build: {
      about: "Pack them all: the same sources make the same bytes",
      flags: { out: { value: "FOLDER", about: "Of the zips (default out/aws/functions)" } },
      async run(given) {
        const out = path.resolve(given.text("out") ?? OUT);
        const functions = await packageFunctions(out);
        const words = functions.map(
          ({ name, zipBytes, unzippedBytes, sha256 }) =>
            `${name.padEnd(16)}${`${megabytes(zipBytes)} zipped, ${megabytes(unzippedBytes)} unzipped`.padEnd(38)}${sha256.slice(0, 12)}`,
        );
        return { result: { out, functions }, words };
      },
    },
  },
};

if (import.meta.main) {
  const [first, ...rest] = process.argv.slice(2);
  // There is one thing to do.
  const isAction = first !== undefined && !first.startsWith("--");
  const words = isAction ? [first, ...rest] : ["build", ...process.argv.slice(2)];
  process.exitCode = await runCommand(PACKAGE, words);
}
