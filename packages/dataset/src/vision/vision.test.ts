import type { LintIssue } from "@kilotune/contract";
import type { ImageFacts } from "@kilotune/image";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Reading } from "../reading.ts";
import { readCoco, writeCoco } from "./coco.ts";
import type { ImageRow, VisionTask } from "./image-rows.ts";
import { type ImageEyes, lintImages } from "./lint-images.ts";
import { NearIndex } from "./near-index.ts";
import { readImageRows } from "./read-image-rows.ts";
import { readYolo, writeYolo } from "./yolo.ts";

describe("rows", () => {
  it("of every task are taken as written", async () => {
    const lines: [VisionTask, string][] = [
      ["classify", '{"image": "a/b.png", "label": "cat", "patient": "p1"}'],
      ["classify", '{"image": "b.png", "labels": ["cat", "dog", "cat"]}'],
      ["classify", '{"image": "b.png", "labels": []}'],
      ["segment", '{"image": "a.png", "mask": "m/a.png"}'],
      [
        "segment",
        '{"image": "a.png", "segments": [{"label": "cell", "segmentation": [[0, 0, 4, 0, 4, 4]]}]}',
      ],
      [
        "segment",
        '{"image": "a.png", "segments": [{"label": "cell", "segmentation": {"size": [2, 2], "counts": [1, 3]}}]}',
      ],
      ["detect", '{"image": "a.png", "objects": [{"label": "RBC", "box": [0, 1.5, 20, 30]}]}'],
      ["detect", '{"image": "a.png", "objects": []}'],
    ];
    const targets = [];
    for (const [task, line] of lines) {
      const [reading] = await read(task, line);
      expect(reading).toMatchObject({ kind: "row", row: { line: 1 } });
      targets.push((reading as { row: ImageRow }).row.target);
    }
    expect(targets.slice(0, 3)).toEqual([
      { kind: "labels", labels: ["cat"], several: false },
      { kind: "labels", labels: ["cat", "dog"], several: true },
      { kind: "labels", labels: [], several: true },
    ]);
    expect(targets.at(-1)).toEqual({ kind: "objects", objects: [] });
  });

  it("that can't be used say where, why and what to do", async () => {
    const bad: [VisionTask, string][] = [
      ["classify", '{"label": "cat"}'],
      ["classify", '{"image": "../../etc/passwd", "label": "cat"}'],
      ["classify", '{"image": "https://a.example/a.png", "label": "cat"}'],
      ["classify", '{"image": "a.png"}'],
      ["classify", '{"image": "a.png", "label": "a", "labels": ["b"]}'],
      ["classify", '{"image": "a.png", "labels": "b"}'],
      ["classify", '{"image": "a.png", "label": "a", "patient": 7}'],
      ["segment", '{"image": "a.png"}'],
      ["segment", '{"image": "a.png", "segments": [{"label": "c", "segmentation": [[0, 0, 1]]}]}'],
      [
        "segment",
        '{"image": "a.png", "segments": [{"label": "c", "segmentation": {"size": [2, 2], "counts": [9]}}]}',
      ],
      ["detect", '{"image": "a.png"}'],
      [
        "detect",
        '{"image": "a.png", "objects": [{"label": "a", "box": [1, 2, 3, 4]}, {"box": [5, 5, 5, 9]}]}',
      ],
      ["detect", '{"image": "a.png", "objects": [{"label": "a", "box": [1, 2, null, 4]}, 7]}'],
      ["detect", "[1]"],
    ];
    const said = [];
    for (const [task, line] of bad)
      for (const reading of await read(task, line)) said.push(words(reading as never));
    expect(said).toMatchInlineSnapshot(`
      [
        "error 1:0 image_missing: expected a path in "image", seen none. Write {"image": "a.png", "label": ".."}.",
        "error 1:11 image_path: expected a path from the rows' own folder on, seen "../../etc/passwd". Write paths without a drive, an address or .., from the file's own folder on, or from the one that \`--image-folder\` of tune, lint and evaluate names.",
        "error 1:11 image_address: expected a file beside the rows in "image", seen an address: nothing is fetched. Put the images beside the file, or into it as data: URLs.",
        "error 1:0 label_missing: expected a "label", seen none. Give every row a label, or delete the row.",
        "error 1:44 label_twice: expected "label" or "labels", seen both. Keep the one that is meant.",
        "error 1:30 labels_not_array: expected "labels" to be an array, seen a string. Write "labels": ["..", ".."], or [] where none fits.",
        "error 1:45 patient_format: expected "patient" to be a short string, seen a number. Write a pseudonym in quotes, or leave the key out.",
        "error 1:0 mask_missing: expected a path in "mask", seen none. Write {"image": "a.png", "mask": "a-mask.png"}.",
        "error 1:32 segmentation_format: segment 1: expected polygons of three corners and more, each [x, y, x, y, ..] in pixels, seen something else. Write the object's polygons as COCO does, or its runs as {size, counts}.",
        "error 1:32 segmentation_format: segment 1: expected counts that add up to height x width, seen something else. Write the mask with COCO's own tools.",
        "error 1:0 objects_missing: expected "objects" to be an array, seen none. Write "objects": [{"label": "..", "box": [xmin, ymin, xmax, ymax]}], or [] where there is nothing.",
        "error 1:31 label_missing: object 2: expected a "label", seen none. Give every row a label, or delete the row.",
        "error 1:31 box_zero_area: object 2: expected xmax above xmin and ymax above ymin, seen [5, 5, 5, 9]. Delete the box, or write its corners in this order; is it [x, y, width, height]?",
        "error 1:31 box_format: object 1: expected "box" to be [xmin, ymin, xmax, ymax] in pixels, seen [1, 2, null, 4]. Write four numbers; [x, y, width, height] and shares of the image must be converted first.",
        "error 1:31 objects_missing: expected an object as number 2 of "objects", seen a number. Write "objects": [{"label": "..", "box": [xmin, ymin, xmax, ymax]}], or [] where there is nothing.",
        "error 1:1 not_an_object: expected an object like {"image": "a.png", "objects": [{"label": "..", "box": [0, 0, 9, 9]}]}, seen an array. Write {"image": "a.png", "objects": [{"label": "..", "box": [0, 0, 9, 9]}]}.",
      ]
    `);
  });
});

describe("COCO and YOLO", () => {
  const sizes = new Map([["a.png", { width: 64, height: 48 }]]);
  const row: ImageRow = {
    image: "a.png",
    patient: null,
    line: 1,
    target: {
      kind: "objects",
      objects: [
        { label: "b", box: [1.5, 2, 11, 20] },
        { label: "a", box: [0, 0, 64, 48] },
      ],
    },
  };

  it("COCO's JSON gives back what was written", () => {
    const {
      readings,
      classes,
      sizes: read,
    } = readCoco(writeCoco([row], ["a", "b", "unused"], sizes), "detect");
    expect(readings).toEqual([{ kind: "row", row }]);
    expect(classes).toEqual(["a", "b", "unused"]);
    expect(read).toEqual(sizes);
    const segments = [
      { label: "a", segmentation: [[1, 1, 9, 1, 9, 9]] },
      { label: "b", segmentation: { size: [48, 64], counts: [3000, 72] } },
    ] as const;
    const masked: ImageRow = { ...row, target: { kind: "segments", segments } };
    const written = writeCoco([masked], ["a", "b"], sizes);
    expect(readCoco(written, "segment").readings).toEqual([{ kind: "row", row: masked }]);
    expect(JSON.parse(written).annotations[1]).toMatchObject({ area: 72, bbox: [62, 0, 2, 48] });
  });

  it("COCO's JSON from elsewhere says what is wrong, crowds left out", () => {
    const file = {
      images: [{ id: 9, file_name: "a.png", width: 4, height: 4 }, { id: 10 }],
      categories: [{ id: 3, name: "cat" }, { id: 1 }],
      annotations: [
        { image_id: 9, category_id: 3, bbox: [0, 0, 2, 2], iscrowd: 0 },
        { image_id: 9, category_id: 3, bbox: [0, 0, 2, 2], iscrowd: 1 },
        { image_id: 9, category_id: 3, bbox: [0, 0, 0, 2] },
        { image_id: 7, category_id: 3, bbox: [0, 0, 2, 2] },
        { image_id: 9, category_id: 4, bbox: [0, 0, 2, 2] },
      ],
    };
    const { readings } = readCoco(JSON.stringify(file), "detect");
    expect(readings.map((reading) => words(reading as never))).toMatchInlineSnapshot(`
      [
        "error 0:0 coco_category: categories[1]: expected an id and a name. Export the annotations again.",
        "error 0:0 coco_image: annotations[3]: expected an image_id among the images. Export the annotations again.",
        "error 0:0 coco_category: annotations[4]: expected a category_id among the categories. Export the annotations again.",
        "error 1:0 box_zero_area: object 2: expected xmax above xmin and ymax above ymin, seen [0, 0, 0, 2]. Delete the box, or write its corners in this order; is it [x, y, width, height]?",
        "error 2:0 image_missing: expected a path in "image", seen none. Write {"image": "a.png", "objects": [{"label": "..", "box": [0, 0, 9, 9]}]}.",
      ]
    `);
    expect(readCoco("[1", "detect").readings).toMatchObject([{ issue: { code: "bad_json" } }]);
    expect(readCoco("[1]", "detect").readings).toMatchObject([{ issue: { code: "not_coco" } }]);
  });

  it("YOLO's text gives back any box", () => {
    const side = fc.integer({ min: 1, max: 5000 });
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(side, side, fc.tuple(share, share, share, share), (width, height, [a, b, c, d]) => {
        const box = [
          Math.min(a, b) * width,
          Math.min(c, d) * height,
          Math.max(a, b) * width,
          Math.max(c, d) * height,
        ] as const;
        if (box[2] - box[0] < 1e-3 || box[3] - box[1] < 1e-3) return;
        const { objects, findings } = readYolo(
          writeYolo([{ label: "b", box }], ["a", "b"], { width, height }),
          ["a", "b"],
          { width, height },
        );
        expect(findings).toEqual([]);
        objects[0]!.box.forEach((value, i) => {
          expect(value).toBeCloseTo(box[i]!, 6);
        });
      }),
    );
  });

  it("YOLO's lines from elsewhere say what is wrong", () => {
    const { objects, findings } = readYolo(
      "0 .5 .5 .2 .2\n\n2 .5 .5 .1 .1\n0 320 240 10 10\n0 .5 .5 .1\n1 .5 .5 0 .1\n0 1 2 3 4 5 6\n",
      ["a", "b"],
      { width: 10, height: 20 },
    );
    expect(objects).toEqual([{ label: "a", box: [4, 8, 6, 12] }]);
    expect(findings.map(words)).toMatchInlineSnapshot(`
      [
        "error 3:1 yolo_class: expected a class in 0 .. 1, seen 2. 2 names are given: add the missing ones.",
        "error 4:1 yolo_share: expected shares of the image in 0 .. 1, seen "0 320 240 10 10". Divide pixels by the image's width and height.",
        "error 5:1 yolo_line: expected "class x y width height", seen "0 .5 .5 .1". Write five numbers a line.",
        "error 6:1 box_zero_area: expected xmax above xmin and ymax above ymin, seen [5, 9, 5, 11]. Delete the box, or write its corners in this order; is it [x, y, width, height]?",
        "error 7:1 yolo_line: expected "class x y width height", seen "0 1 2 3 4 5 6". Write five numbers a line. Polygons and key points are other tasks.",
      ]
    `);
  });
});

describe("linting images", () => {
  const size = { format: "png", channels: 3, frames: 1, burnedIn: false, width: 100, height: 80 } as const;
  const facts = (name: string, more: Partial<ImageFacts> = {}): ImageFacts => ({
    ...size,
    sha256: name,
    perceptual: null,
    ...more,
  });
  const hash = "0123456789abcdef0123456789abcdef";
  const files: Record<string, ImageFacts> = {
    "a.png": facts("a", { perceptual: hash }),
    "copy.png": facts("a", { perceptual: hash }),
    "scaled.png": facts("s", { perceptual: hash.replace("4", "5").replace("e", "a") }),
    "grey.png": facts("g", { channels: 1, width: 9 }),
    "big.png": facts("b", { width: 9000, height: 9000 }),
    "names.dcm": facts("d", { burnedIn: true, frames: 3 }),
  };
  const eyes: ImageEyes = {
    async image(path) {
      const found = files[path];
      if (found === undefined)
        throw Object.assign(new Error("expected a file, seen none."), {
          code: "image_not_found",
          kind: "input",
          hint: "Put it there.",
        });
      return found;
    },
    async mask(path) {
      return path === "small.png"
        ? { width: 50, height: 80, values: [0, 1] }
        : { width: 100, height: 80, values: [0, 255] };
    },
  };

  it("names copies, near copies, what is missing and what stands out", async () => {
    const rows = [
      '{"image": "a.png", "label": "x"}',
      '{"image": "copy.png", "label": "y"}',
      '{"image": "scaled.png", "label": "x"}',
      '{"image": "grey.png", "label": "x"}',
      '{"image": "big.png", "label": "x"}',
      '{"image": "names.dcm", "label": "z"}',
      '{"image": "none.png", "label": "y"}',
      '{"image": "a.png", "label": "x"}',
    ];
    const { report } = await lintImages(readImageRows([bytes(rows)], "classify"), {
      eyes,
      classes: ["x", "y", "w"],
    });
    expect(report.rows).toBe(8);
    expect([...report.errors, ...report.warnings].map(short)).toMatchInlineSnapshot(`
      [
        "6 class_not_declared: expected one of the 3 declared classes, seen "z".",
        "7 image_not_found: "none.png": expected a file, seen none.",
        "0 class_single_row: 1 class has a single row, so nothing can be held out to measure: "z" (1 row).",
        "0 class_few_rows: 1 class has fewer than 5 rows: "y" (2 rows).",
        "0 class_never_seen: 1 declared class is never seen: "w".",
        "8 image_twice: 1 row names the image of an earlier one: line 8 (first at line 1).",
        "2 duplicate_images: 1 image is a copy of an earlier one, byte by byte: line 2 (first at line 1).",
        "3 near_duplicate_images: 1 image looks like an earlier one: line 3 (like line 1).",
        "4 image_tiny: 1 image less than 16 pixels wide or high: line 4.",
        "5 image_huge: 1 image of more than 20 million pixels: line 5.",
        "4 image_channels: 1 image in grey, unlike the others: line 4.",
        "6 image_frames: 1 image of several frames or pages: line 6.",
        "6 image_burned_in: 1 image that may show names or dates, as the file says: line 6.",
        "2 conflicting_labels: lines 1 and 2 hold the same image with different answers.",
      ]
    `);
  });

  it("names leaks between the files: by bytes, by look, by patient", async () => {
    const train = await lintImages(
      readImageRows(
        [
          bytes([
            '{"image": "a.png", "label": "x", "patient": "p1"}',
            '{"image": "grey.png", "label": "y", "patient": "p2"}',
          ]),
        ],
        "classify",
      ),
      { eyes },
    );
    const { report } = await lintImages(
      readImageRows(
        [
          bytes([
            '{"image": "copy.png", "label": "x", "patient": "p3"}',
            '{"image": "scaled.png", "label": "x", "patient": "p1"}',
            '{"image": "big.png", "label": "q", "patient": "p1"}',
          ]),
        ],
        "classify",
      ),
      { eyes, against: train.linter },
    );
    expect(report.warnings.map(short)).toMatchInlineSnapshot(`
      [
        "3 label_only_in_validation: 1 label is in the validation file but not in the training file, so all those rows count as wrong: "q" (1 row).",
        "0 label_only_in_train: 1 label is in the training file but not in the validation file, so nothing measures them: "y" (1 row).",
        "2 near_duplicate_images: 1 image looks like an earlier one: line 2 (like line 1).",
        "1 leak: 1 validation image is in the training file too, so the figures look better than they are: line 1 (training line 1).",
        "2 near_leak: 1 validation image looks like one of the training file: line 2 (training line 1).",
        "2 patient_leak: 1 patient is in the training and in the validation file, so the figures don't tell how new patients fare: line 2 (training line 1).",
        "3 image_huge: 1 image of more than 20 million pixels: line 3.",
      ]
    `);
  });

  it("names boxes and masks that don't fit", async () => {
    const boxes = [
      '{"image": "a.png", "objects": [{"label": "x", "box": [0, 0, 100, 80]}, {"label": "x", "box": [90, 0, 101, 80]}, {"label": "x", "box": [200, 0, 210, 80]}]}',
    ];
    const masks = [
      '{"image": "a.png", "mask": "fits.png"}',
      '{"image": "a.png", "mask": "small.png"}',
      '{"image": "a.png", "segments": [{"label": "c", "segmentation": {"size": [2, 2], "counts": [4]}}]}',
    ];
    const detect = (await lintImages(readImageRows([bytes(boxes)], "detect"), { eyes })).report;
    const segment = (await lintImages(readImageRows([bytes(masks)], "segment"), { eyes })).report;
    expect([...segment.labels]).toEqual([
      ["0", 2],
      ["255", 1],
      ["1", 1],
      ["c", 1],
    ]);
    expect([...detect.errors, ...detect.warnings, ...segment.errors].map(short)).toMatchInlineSnapshot(`
      [
        "1 box_outside: object 3: expected a box inside 100 x 80, seen [200, 0, 210, 80].",
        "1 box_over_edge: object 2: expected a box inside 100 x 80, seen [90, 0, 101, 80].",
        "2 mask_size: expected a mask of the image's 100 x 80, seen 50 x 80.",
        "3 mask_size: segment 1: expected a mask of the image's 100 x 80, seen 2 x 2.",
      ]
    `);
  });

  it("finds near hashes as comparing all with all does", () => {
    const word = fc.array(fc.integer({ min: 0, max: 15 }), { minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(word, fc.array(fc.integer({ min: 0, max: 127 }), { maxLength: 12 }), (digits, flips) => {
        const bits = digits.flatMap((digit) => [8, 4, 2, 1].map((bit) => Number((digit & bit) > 0)));
        const hashOf = (all: number[]) =>
          Array.from({ length: 32 }, (_, i) =>
            Number.parseInt(all.slice(4 * i, 4 * i + 4).join(""), 2).toString(16),
          ).join("");
        const flipped = bits.map((bit, i) => (flips.includes(i) ? 1 - bit : bit));
        const index = new NearIndex();
        index.add(hashOf(bits), 5);
        expect(index.find(hashOf(flipped))).toBe(new Set(flips).size <= 6 ? 5 : null);
      }),
    );
  });
});

async function read(task: VisionTask, ...lines: string[]): Promise<Reading<ImageRow>[]> {
  const readings: Reading<ImageRow>[] = [];
  for await (const reading of readImageRows([bytes(lines)], task)) readings.push(reading);
  return readings;
}

function bytes(lines: string[]): Uint8Array {
  return new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
}

function words({ kind, issue, row }: { kind: string; issue?: LintIssue; row?: ImageRow }): string {
  if (issue === undefined) return `row ${JSON.stringify(row?.target)}`;
  return `${kind} ${issue.line}:${issue.column} ${issue.code}: ${issue.message} ${issue.hint}`;
}

function short({ line, code, message }: LintIssue): string {
  return `${line} ${code}: ${message}`;
}
