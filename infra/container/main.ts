import path from "node:path";
import { KilotuneError } from "@kilotune/contract";
import { type CommandLine, type Flag, type Given, runCommand, type Tell } from "../command.ts";
import { loadOptions, precision } from "../load-options.ts";
import { readBaseImages, writeBaseImages } from "./base-images.ts";
import { buildImage, digestOf, pushImage, recordImages } from "./docker.ts";
import { type Image, imagesNamed, inferImages, JOB_IMAGES, ROOT } from "./images.ts";
import { layOutInfer } from "./infer-context.ts";
import { layOutJob } from "./job-context.ts";

const image: Flag = {
  value: "NAME",
  many: true,
  about: "job-cpu, job-gpu, infer-<backbone> (default: all there are)",
};
const out: Flag = {
  value: "FOLDER",
  about: "Of functions/, layers/, images/ and images.json (default out/aws)",
};

export const IMAGE: CommandLine = {
  name: "npm run image --",
  about: "Container images: the one that tunes a job, and functions whose backbone is too large for a layer.",
  actions: {
    context: {
      about: "Lay out what Docker copies; needs no Docker",
      flags: {
        out,
        image,
        backbone: {
          value: "ID|FOLDER",
          many: true,
          about: "That jobs tune, as for npm run layer (default minilm-l6)",
        },
        precision,
      },
      async run(given, tell) {
        const backbones = given.texts("backbone").length > 0 ? given.texts("backbone") : ["minilm-l6"];
        const folders = await layOut(given, backbones, tell);
        return { result: { folders }, words: folders };
      },
    },
    build: {
      about: "Build the images of what is laid out, from bases by digest",
      flags: { out, image },
      async run(given, tell) {
        const bases = await readBaseImages();
        const tags: string[] = [];
        for (const each of await wanted(given)) {
          tell(`${each.name}: building`);
          tags.push(await buildImage(each, contextOf(given, each), bases));
        }
        return { result: { tags }, words: tags };
      },
    },
    push: {
      about: "Push what was built, and write its digests to images.json, which is deployed",
      flags: {
        out,
        image,
        repository: { value: "URI", about: "That they go to, a tag each; docker is logged in to it" },
      },
      async run(given, tell) {
        const repository = given.text("repository");
        if (repository === undefined || !/^[\w.-]+(:\d+)?(\/[\w.-]+)+$/.test(repository))
          throw usage("--repository: expected a registry's repository without a tag");
        const pushed: Record<string, string> = {};
        for (const each of await wanted(given)) {
          tell(`${each.name}: pushing`);
          pushed[each.name] = await pushImage(each, repository);
          await recordImages(path.join(folderOf(given), "images.json"), pushed);
        }
        return { result: { images: pushed }, words: Object.values(pushed) };
      },
    },
    pin: {
      about: "Ask the registry which digests the bases' tags mean now, and write them to base-images.json",
      flags: {},
      async run(_, tell) {
        const bases = await readBaseImages();
        for (const row of Object.values(bases)) {
          tell(`${row.image}: asking`);
          row.digest = await digestOf(row.image);
        }
        await writeBaseImages(bases);
        return { result: bases, words: Object.values(bases).map((row) => `${row.image}@${row.digest}`) };
      },
    },
  },
};

if (import.meta.main) process.exitCode = await runCommand(IMAGE, process.argv.slice(2));

async function layOut(given: Given, backbones: readonly string[], tell: Tell): Promise<string[]> {
  const folder = folderOf(given);
  const images = await wanted(given);
  const folders: string[] = [];
  // The two that tune are made of one.
  for (const context of new Set(images.map((each) => each.context))) {
    tell(`${context}: laying out`);
    const to = path.join(folder, "images", context);
    if (context === "job") await layOutJob(to, backbones, loadOptions(given, tell));
    else {
      const infer = images.find((each) => each.context === context) as Image;
      await layOutInfer(to, infer, {
        layers: path.join(folder, "layers"),
        functions: path.join(folder, "functions"),
      });
    }
    folders.push(to);
  }
  return folders;
}

async function wanted(given: Given): Promise<readonly Image[]> {
  const all = [...JOB_IMAGES, ...(await inferImages(path.join(folderOf(given), "layers")))];
  return imagesNamed(all, given.texts("image"));
}

function contextOf(given: Given, { context }: Image): string {
  return path.join(folderOf(given), "images", context);
}

function folderOf(given: Given): string {
  return path.resolve(given.text("out") ?? path.join(ROOT, "out/aws"));
}

function usage(message: string): KilotuneError {
  return new KilotuneError("bad_usage", message, "npm run image -- --help shows what there is.", {
    kind: "usage",
  });
}
