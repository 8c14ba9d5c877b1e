import { spawn } from "node:child_process";

/**
 * Which of the words is anywhere under a folder, in a file's bytes or in its path: where, with what is about it. In a process of its own:
 * closing a file that SQLite has open would drop the reading process's locks on it.
 */
export async function scanDisk(folder: string, words: readonly (string | Uint8Array)[]): Promise<string[]> {
  const wanted = words.map((word) => Buffer.from(word).toString("hex"));
  const child = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM, folder, ...wanted], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let found = "";
  for await (const text of child.stdout.setEncoding("utf8")) found += text;
  return JSON.parse(found);
}

const PROGRAM = `
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
const [folder, ...hex] = process.argv.slice(1);
const words = hex.map((word) => Buffer.from(word, "hex"));
const found = [];
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  const file = path.join(entry.parentPath, entry.name);
  const name = path.relative(folder, file);
  let bytes = Buffer.alloc(0);
  // It may be gone by now.
  try { if (entry.isFile()) bytes = readFileSync(file); } catch {}
  for (const word of words) {
    const at = bytes.indexOf(word);
    if (Buffer.from(name).includes(word)) found.push(name);
    else if (at >= 0) found.push(name + ": " + bytes.toString("latin1", Math.max(0, at - 100), at + 50));
  }
}
process.stdout.write(JSON.stringify(found));
`;
