import { isCodedError } from "@kilotune/contract";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodePrompt } from "./decode.ts";
import { encodePrompt } from "./encode.ts";
import { kvPrompt, softPrompt } from "./sample-prompts.ts";
import { tamper } from "./tamper.ts";

describe("fuzz: a mutated file is refused with a code, or is a sound prompt of another id", () => {
  const originals = [
    encodePrompt(kvPrompt(), { storage: "float16" }),
    encodePrompt(softPrompt({ head: "linear" }), { storage: "float32" }),
  ];
  const original = fc.constantFrom(...originals);

  test("byte flips", async () => {
    const flip = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(original, fc.array(flip, { minLength: 1, maxLength: 3 }), async (file, flips) => {
        const mutated = file.slice();
        for (const [at, bits] of flips) mutated[at % mutated.length]! ^= bits;
        await expectRefusalOrSoundness(mutated);
      }),
      { numRuns: 2000 },
    );
  });

  test("cuts, and bytes put in", async () => {
    await fc.assert(
      fc.asyncProperty(original, fc.nat(), fc.nat(40), fc.uint8Array(), async (file, start, cut, put) => {
        const at = start % file.length;
        await expectRefusalOrSoundness(Buffer.concat([file.subarray(0, at), put, file.subarray(at + cut)]));
      }),
      { numRuns: 500 },
    );
  });

  test("any JSON in any place of the manifest", async () => {
    const key = fc.constantFrom(...Object.keys(kvPrompt().manifest));
    await fc.assert(
      fc.asyncProperty(key, fc.jsonValue(), async (place, value) => {
        await expectRefusalOrSoundness(tamper({ manifest: (manifest) => ({ ...manifest, [place]: value }) }));
      }),
      { numRuns: 200 },
    );
  });
});

async function expectRefusalOrSoundness(file: Uint8Array): Promise<void> {
  const stored = await decodePrompt(file).catch((error) => {
    if (!isCodedError(error)) throw error;
    return undefined;
  });
  if (stored === undefined) return;
  const { storage } = stored.prompt.manifest;
  expect((await decodePrompt(encodePrompt(stored.prompt, { storage }))).prompt).toEqual(stored.prompt);
}
