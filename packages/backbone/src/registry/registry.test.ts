import path from "node:path";
import { describe, expect, it } from "vitest";
import { findBackbone, KNOWN_BACKBONES } from "./backbones.ts";
import { cacheFolder, hubUrl, sourceFolder } from "./places.ts";
import { UNVERIFIED_BACKBONES } from "./unverified.ts";

describe("the table of backbones", () => {
  it("has one row an id, each with files that can be checked and a place to get them", () => {
    const ids = KNOWN_BACKBONES.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id, files, sources, licence } of KNOWN_BACKBONES) {
      expect(id).toMatch(/^[a-z0-9][a-z0-9-]{0,60}$/);
      expect(licence).not.toBe("");
      expect(sources.length).toBeGreaterThan(0);
      for (const { name, sizeBytes, sha256 } of files) {
        expect(name.split("/").every((part) => /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(part))).toBe(true);
        expect(sizeBytes).toBeGreaterThan(0);
        expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      }
      const sizes = files.map(({ sizeBytes }) => sizeBytes);
      expect(sizes.at(-1)).toBe(Math.max(...sizes));
    }
  });

  it("names the known ones when asked for another", () => {
    expect(findBackbone("minilm-l6").licence).toBe("Apache-2.0");
    expect(() => findBackbone("bert-huge")).toThrow(`No backbone is called "bert-huge"; known: minilm-l6`);
  });

  it("says of those whose hashes aren't known where they lie, and fetches none of them", () => {
    const known = new Set(KNOWN_BACKBONES.map(({ id }) => id));
    for (const { id, repository, licence } of UNVERIFIED_BACKBONES) {
      expect(known.has(id)).toBe(false);
      expect(id).toMatch(/^[a-z0-9][a-z0-9.-]{0,60}$/);
      expect(repository).toMatch(/^[A-Za-z0-9-]+\/[A-Za-z0-9.-]+$/);
      expect(licence).not.toBe("");
      expect(() => findBackbone(id)).toThrow(`The hashes of ${id} aren't known here`);
    }
  });
});

describe("places", () => {
  it("follow the environment", () => {
    expect(cacheFolder({ KILOTUNE_CACHE: "/data/cache" })).toBe(path.resolve("/data/cache"));
    expect(cacheFolder({ KILOTUNE_CACHE: "here" })).toBe(path.resolve("here"));
    expect(cacheFolder({})).toMatch(/[/\\]\.cache[/\\]kilotune$/);
    expect(cacheFolder({ KILOTUNE_CACHE: "" })).toBe(cacheFolder({}));
    expect(sourceFolder("/c", "minilm-l6")).toBe(path.join("/c", "backbones", "minilm-l6", "source"));
    expect(hubUrl({})).toBe("https://huggingface.co");
    expect(hubUrl({ KILOTUNE_HUB: "http://127.0.0.1:8080/mirror//" })).toBe("http://127.0.0.1:8080/mirror");
  });

  it.each(["hub.example.com", "ftp://hub", "file:///etc", "http://hub/?key=1", "http://"])(
    "refuse the hub %s",
    (given) => {
      expect(() => hubUrl({ KILOTUNE_HUB: given })).toThrow(
        "KILOTUNE_HUB: expected an http or https address",
      );
    },
  );
});
