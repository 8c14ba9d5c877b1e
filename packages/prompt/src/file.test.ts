import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { encodePrompt } from "./encode.ts";
import { readPromptFile, writePromptFile } from "./file.ts";
import { headPrompt, kvPrompt } from "./sample-prompts.ts";
import { roundToStorage } from "./storage.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kilotune-prompt-"));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

const BYTES = encodePrompt(kvPrompt(), { storage: "float16" });

test("what is written, in a folder that isn't there yet, is what is read", async () => {
  const path = join(folder, "out", "prompt.safetensors");
  await writePromptFile(path, BYTES);
  const stored = await readPromptFile(path);
  expect(stored.prompt).toEqual(roundToStorage(kvPrompt(), "float16"));
  expect(stored.sizeBytes).toBe(BYTES.length);
  expect(await readdir(join(folder, "out"))).toEqual(["prompt.safetensors"]);
});

test("of many writers at once one wins, and its file is whole", async () => {
  const path = join(folder, "prompt.safetensors");
  const files = Array.from({ length: 8 }, (_, index) =>
    encodePrompt(headPrompt({ labels: [`class ${index}`] }), { storage: "float16" }),
  );
  await Promise.all(files.map((file) => writePromptFile(path, file)));
  const written = new Uint8Array(await readFile(path));
  expect(files).toContainEqual(written);
  expect(await readdir(folder)).toEqual(["prompt.safetensors"]);
});

describe("a full disk", () => {
  test("is the machine's fault, leaves the old file and nothing half-written", async () => {
    const path = join(folder, "prompt.safetensors");
    await writeFile(path, "old");
    const handle = await open(path);
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    vi.spyOn(Object.getPrototypeOf(handle), "writeFile").mockRejectedValueOnce(full);
    await handle.close();
    const error = await failure(writePromptFile(path, BYTES));
    expect(error).toMatchInlineSnapshot(`
      {
        "code": "disk_full",
        "hint": "Free some disk space and run the command again.",
        "kind": "machine",
        "message": "/prompt.safetensors: could not write the prompt file: ENOSPC: no space left on device, write",
      }
    `);
    expect(await readdir(folder)).toEqual(["prompt.safetensors"]);
    expect(await readFile(path, "utf8")).toBe("old");
  });
});

test("a folder can't be overwritten, nor a folder made where a file is", async () => {
  await mkdir(join(folder, "taken"));
  await writeFile(join(folder, "file"), "");
  expect(await failure(writePromptFile(join(folder, "taken"), BYTES))).toMatchInlineSnapshot(`
    {
      "code": "not_a_file",
      "hint": "Give the path of a file, such as out/prompt.safetensors.",
      "kind": "input",
      "message": "/taken: expected a prompt file, but saw a folder",
    }
  `);
  expect(await failure(writePromptFile(join(folder, "file", "prompt"), BYTES))).toMatchObject({
    code: "not_a_folder",
    kind: "input",
  });
  expect((await readdir(folder)).sort()).toEqual(["file", "taken"]);
});

describe("what isn't a prompt is refused with its path", () => {
  const cases: [name: string, make: (path: string) => unknown, code: string, message: string][] = [
    ["missing", () => undefined, "file_not_found", "expected a prompt file, but there is none"],
    ["folder", (path) => mkdir(path), "not_a_file", "expected a prompt file, but saw a folder"],
    [
      "empty",
      (path) => writeFile(path, ""),
      "bad_safetensors",
      "safetensors: expected a header length of 8 bytes, but saw a file of 0 bytes: the file looks like an empty file",
    ],
    [
      "pickle",
      (path) => writeFile(path, Buffer.from("80049596000000000000008c0a", "hex")),
      "bad_safetensors",
      "safetensors: expected a header within the 13 bytes of the file, but saw a length of 2526348416: the file looks like a Python pickle",
    ],
    [
      "zip",
      (path) => writeFile(path, "PK\x03\x04\x00\x00\x00\x00\x00\x00"),
      "bad_safetensors",
      "safetensors: expected a header within the 10 bytes of the file, but saw a length of 67324752: the file looks like a zip archive, as PyTorch writes its .bin and .pt files",
    ],
    [
      "cut off",
      (path) => writeFile(path, BYTES.subarray(0, BYTES.length - 1)),
      "bad_safetensors",
      "safetensors: expected a file of 1544 bytes, but saw 1543 bytes",
    ],
    [
      "huge header",
      (path) => writeFile(path, Buffer.from(`${"00".repeat(7)}80${"00".repeat(8)}`, "hex")),
      "bad_safetensors",
      "safetensors: expected a header within the 16 bytes of the file, but saw a length of 9223372036854775808",
    ],
    [
      "100 MB",
      async (path) => {
        await writeFile(path, "");
        await truncate(path, 100 * 2 ** 20);
      },
      "prompt_too_large",
      "prompt file: expected at most 67108864 bytes, but saw 104857600",
    ],
    [
      "pipe",
      (path) => execFileSync("mkfifo", [path]),
      "not_a_file",
      "expected a prompt file, but saw a device or a pipe",
    ],
  ];

  test.each(cases)("%s", async (name, make, code, message) => {
    const path = join(folder, name);
    await make(path);
    const seen = await failure(readPromptFile(path));
    expect(seen).toMatchObject({ code, kind: "input", message: `/${name}: ${message}` });
  });

  test("a path that no file system takes", async () => {
    for (const path of ["a\0b", "a".repeat(300)]) {
      expect(await failure(readPromptFile(path))).toMatchObject({ code: "bad_path", kind: "input" });
    }
  });
});

/** The error's four fields, with the test's folder cut out. */
async function failure(promise: Promise<unknown>) {
  const error = await promise.then(
    () => expect.unreachable("it should have been refused"),
    (reason) => reason,
  );
  const { code, kind, message, hint } = error;
  return { code, kind, hint, message: message.replaceAll(folder, "") };
}
