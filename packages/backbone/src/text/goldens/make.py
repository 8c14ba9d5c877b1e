"""Writes NAME/ for each family: a tiny random checkpoint with its tokenizer, as a user's folder, and PyTorch's numbers for
it: given.safetensors (texts, prompts) and wanted.safetensors (see reference.py), rows.json (texts and pairs with the Rust
tokenizers' ids and types).

    python make.py        (torch 2.13 on a CPU, transformers 5.24, tokenizers 0.23.3)
"""

import json
from pathlib import Path

import torch
import transformers as t
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from reference import pooled, reference, transformers_own

here = Path(__file__).parent
TEXTS = ["where is my new card", "Refund, s'il vous plaît!", "the card has not come, please help me " * 8]
PAIRS = [["my card is lost", "please send a new one"], ["カードが届きません", "wo ist meine Karte"]]
CORPUS = [*TEXTS, *(text for pair in PAIRS for text in pair), "Ich warte seit zwei Wochen auf meine neue Karte"] * 20
LONGEST, TOKENS, CLASSES = 40, 3, 4


def byte_pairs(specials, template):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=320, special_tokens=specials, initial_alphabet=alphabet))
    return framed(tokenizer, template)


def unigram(specials, template):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" {2,}", " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=160, special_tokens=specials, unk_token="<unk>")
    tokenizer.train_from_iterator(CORPUS, trainer)
    return framed(tokenizer, template)


def word_pieces(specials, template, unknown):
    tokenizer = Tokenizer(models.WordPiece(unk_token=unknown))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=160, special_tokens=specials))
    return framed(tokenizer, template)


def framed(tokenizer, template):
    if template == "bert":
        single, pair = "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1"
    elif template == "distilbert":
        single, pair = "[CLS] $A [SEP]", "[CLS] $A [SEP] $B [SEP]"
    else:
        single, pair = "<s> $A </s>", "<s> $A </s> </s> $B </s>"
    names = ("[CLS]", "[SEP]") if "[CLS]" in single else ("<s>", "</s>")
    specials = [(name, tokenizer.token_to_id(name)) for name in names]
    tokenizer.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=specials)
    return tokenizer


BRACKETS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ANGLES = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
BERT_SIZES = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, initializer_range=0.4)
FAMILIES = {
    "bert": (
        t.BertModel,
        lambda V: t.BertConfig(vocab_size=V, max_position_embeddings=LONGEST, **BERT_SIZES),
        lambda: word_pieces(BRACKETS, "bert", "[UNK]"),
    ),
    "roberta": (
        t.RobertaModel,
        lambda V: t.RobertaConfig(vocab_size=V, max_position_embeddings=LONGEST + 2, type_vocab_size=1, layer_norm_eps=1e-5, **BERT_SIZES),
        lambda: byte_pairs(ANGLES, "roberta"),
    ),
    "xlm-roberta": (
        t.XLMRobertaModel,
        lambda V: t.XLMRobertaConfig(vocab_size=V, max_position_embeddings=LONGEST + 2, type_vocab_size=2, layer_norm_eps=1e-5, **BERT_SIZES),
        lambda: unigram(ANGLES, "roberta"),
    ),
    "distilbert": (
        t.DistilBertModel,
        lambda V: t.DistilBertConfig(
            vocab_size=V, max_position_embeddings=LONGEST, dim=16, n_layers=2, n_heads=2, hidden_dim=32, initializer_range=0.4
        ),
        lambda: word_pieces(BRACKETS, "distilbert", "[UNK]"),
    ),
    "mpnet": (
        t.MPNetModel,
        lambda V: t.MPNetConfig(vocab_size=V, max_position_embeddings=LONGEST + 2, **BERT_SIZES),
        lambda: word_pieces(ANGLES, "mpnet", "<unk>"),
    ),
    "modernbert": (
        t.ModernBertModel,
        lambda V: t.ModernBertConfig(
            vocab_size=V,
            max_position_embeddings=LONGEST,
            pad_token_id=0,
            cls_token_id=2,
            sep_token_id=3,
            bos_token_id=None,
            eos_token_id=None,
            local_attention=8,
            **{**BERT_SIZES, "num_hidden_layers": 4},
        ),
        lambda: byte_pairs(BRACKETS, "distilbert"),
    ),
}


def write(name, kind, config_of, make_tokenizer):
    folder = here / name
    folder.mkdir(exist_ok=True)
    # Trainers break ties by chance: a tokenizer that stands is kept, so that the same numbers come out.
    standing = folder / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(standing)) if standing.exists() else make_tokenizer()
    torch.manual_seed(0)
    config = config_of(tokenizer.get_vocab_size())
    config._attn_implementation = "eager"
    model = kind(config)
    for parameter_name, parameter in model.named_parameters():
        # A bias of 0 or a norm's weight of 1 would hide that it was left out; some weights start very small.
        if parameter.dim() == 1:
            parameter.data += 0.3 * torch.randn_like(parameter)
        elif "relative" in parameter_name or name == "modernbert":
            parameter.data += 0.4 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    if not standing.exists():
        tokenizer.save(str(standing))

    pad = config.pad_token_id
    tokenizer.enable_truncation(LONGEST)
    encoded = [tokenizer.encode(text) for text in TEXTS] + [tokenizer.encode(*pair) for pair in PAIRS]
    rows = [[each.ids, each.type_ids] for each in encoded]
    (folder / "rows.json").write_text(json.dumps({"texts": TEXTS, "pairs": PAIRS, "rows": rows}))
    # One token alone, too; and the longest that there can be.
    rows.append([[7], [0]])
    S = max(len(ids) for ids, _ in rows)
    assert S == LONGEST
    B, H, N = len(rows), config.hidden_size, config.num_attention_heads
    L = config.num_hidden_layers
    mask = torch.tensor([[1.0] * len(ids) + [0.0] * (S - len(ids)) for ids, _ in rows])
    targets = torch.eye(CLASSES)[torch.tensor([2, 0, 3, 1, 1, 2])]
    given = {
        "input_ids": torch.tensor([ids + [pad] * (S - len(ids)) for ids, _ in rows]),
        "mask": mask,
        "pool": mask / mask.sum(1, keepdim=True),
        "prototypes": torch.randn(CLASSES, H),
        "targets": targets,
        "weights": torch.tensor([0.3, 0.1, 0.2, 0.15, 0.15, 0.1]),
        "scale": torch.tensor(20.0),
        "kv-0": torch.randn(L, 2, N, TOKENS, H // N),
        "kv-1": torch.randn(L - 1, 2, N, TOKENS, H // N),
        "soft": torch.randn(TOKENS, H),
        "lora-1": 0.3 * torch.randn(L - 1, 2, 2, TOKENS, H),
        "biases-1": 0.3 * torch.randn((L - 1) * (3 * H + wide(config)) + H),
        "deep-1": torch.randn(L - 1, TOKENS, H),
    }
    if name in ("bert", "xlm-roberta"):
        types = [types + [0] * (S - len(ids)) for ids, types in rows]
        if name == "xlm-roberta":
            # Its tokenizer doesn't tell the texts of a pair apart; a checkpoint with two types may be told all the same.
            types[3][5:20] = [1] * 15
        given["token_types"] = torch.tensor(types)
    wanted = {key: x for key, x in reference(model, given).items() if not key.startswith("hidden-")}
    left = padded_left(model, rows, pad, given)
    assert torch.allclose(left, wanted["plain/embedding"], rtol=0, atol=1e-5), "padding on the left changes a text"
    if name == "mpnet":
        wanted["buckets"] = model.encoder.relative_position_bucket(torch.arange(-200, 201))
    save_file(given, folder / "given.safetensors")
    save_file(wanted, folder / "wanted.safetensors")
    print(name, config.vocab_size, "tokens", sum(p.numel() for p in model.parameters()), "weights")


def wide(config):
    """Outputs of a layer's wide product."""
    if config.model_type == "distilbert":
        return config.hidden_dim
    return config.intermediate_size * (2 if config.model_type == "modernbert" else 1)


def padded_left(model, rows, pad, given):
    flipped = {}
    for name in ("input_ids", "mask", "pool", "token_types"):
        if name in given:
            parts = [torch.cat([x[len(ids) :], x[: len(ids)]]) for x, (ids, _) in zip(given[name], rows)]
            flipped[name] = torch.stack(parts)
    plain = transformers_own(model, flipped["input_ids"], flipped["mask"], flipped.get("token_types"))
    return pooled(plain.last_hidden_state, flipped["pool"].double())


for name, (kind, config_of, make_tokenizer) in FAMILIES.items():
    write(name, kind, config_of, make_tokenizer)
