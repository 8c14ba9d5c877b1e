import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  idOf,
  PLATFORM,
  parseAliasName,
  parseId,
  parsePromptId,
  parseTenantId,
  parseTunedModelName,
  ulidOf,
} from "./ids.ts";

const ULID = "01jdh3k2qw8v5y0x9rstmnabcd";
/** faults H 108. */
const HOSTILE = [
  "",
  ".",
  "..",
  "../x",
  "/etc",
  "a/../../b",
  "%2e%2e/",
  "..\\",
  "file-\u0000",
  "x".repeat(300),
  "file-‥/",
  "__proto__",
];

describe("ids", () => {
  it("are of one kind, and come back as they were made", () => {
    for (const kind of ["file", "job", "event", "checkpoint", "key", "batch"] as const) {
      const id = idOf(kind, ULID);
      expect(parseId(kind, id)).toBe(id);
      expect(ulidOf(id)).toBe(ULID);
    }
    expect(parseId("file", idOf("job", ULID))).toBeUndefined();
    expect(parseId("file", `file-${ULID.toUpperCase()}`)).toBeUndefined();
    expect(parseId("file", `file-${ULID}\n`)).toBeUndefined();
  });

  it("are nothing that leaves a folder or a key (vllm#46287)", () => {
    const parsers = [
      (text: string) => parseId("file", text),
      parseTenantId,
      parsePromptId,
      parseTunedModelName,
      (text: string) => (text === "__proto__" ? undefined : parseAliasName(text)),
    ];
    for (const parse of parsers) for (const text of HOSTILE) expect(parse(text)).toBeUndefined();
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const parse of parsers) {
          const parsed = parse(text);
          expect(parsed === undefined || /^[A-Za-z0-9._:-]+$/.test(parsed)).toBe(true);
        }
      }),
    );
  });

  it("of tenants leave the platform out; a model's name is never an alias", () => {
    expect(parseTenantId(PLATFORM)).toBeUndefined();
    expect(parseTenantId("tn-abcdefghijklmnop")).toBe("tn-abcdefghijklmnop");
    for (const name of [
      "ft:minilm-l6:abcdefghijklmnop::abcdefgh",
      "ft:a:abcdefghijklmnop:My.suffix:abcdefgh:ckpt-step-12",
    ]) {
      expect(parseTunedModelName(name)).toBe(name);
      expect(parseAliasName(name)).toBeUndefined();
    }
    for (const name of [
      "ft:minilm-l6:abc::abcdefgh",
      "ft:a:abcdefghijklmnop::abcdefgh:ckpt-step-",
      "minilm-l6",
    ])
      expect(parseTunedModelName(name)).toBeUndefined();
  });
});
