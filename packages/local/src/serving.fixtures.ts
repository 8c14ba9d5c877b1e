import { writeSync } from "node:fs";
import { openBundle } from "@kilotune/backbone";
import { startLocal } from "./start-local.ts";

/** A program that the kill test starts: a server on the folder and the bundle named, until it is killed. */
const [data, bundle] = process.argv.slice(2) as [string, string];
const backbone = await openBundle(bundle, { threads: 1 });
if (backbone === undefined) throw new Error(`no bundle is in ${bundle}`);
const { url, adminKey } = await startLocal({ data, port: 0, backbones: [{ backbone, bundle }] });
writeSync(1, `${JSON.stringify({ url, adminKey })}\n`);
