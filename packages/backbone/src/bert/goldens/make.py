"""Writes tiny/, a random BERT of 2 layers as a user's checkpoint folder, and PyTorch's numbers for it: given.safetensors
(texts, prompts, dropout masks) and wanted.safetensors (see ../../text/goldens/reference.py).

    python make.py        (torch 2.13 on a CPU, transformers 5.24)
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel

sys.path.insert(0, str(Path(__file__).parents[2] / "text" / "goldens"))
from reference import reference

here = Path(__file__).parent
folder = here / "tiny"
TEXTS = ["where is my new card", "Refund!", "the card has not come, please help me"]
TOKENS, CLASSES = 3, 4

letters = "abcdefghijklmnopqrstuvwxyz"
words = "where is my new card the has not come please help me".split()
vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{x}" for x in letters), *words, *"!,.?"]
ids = {token: i for i, token in enumerate(vocabulary)}
tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
tokenizer.post_processor = processors.TemplateProcessing(
    single="[CLS] $A [SEP]",
    pair="[CLS] $A [SEP] $B:1 [SEP]:1",
    special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
)
tokenizer.decoder = decoders.WordPiece()
tokenizer.add_special_tokens(vocabulary[:5])

torch.manual_seed(0)
config = BertConfig(
    vocab_size=len(vocabulary),
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=64,
    max_position_embeddings=40,
    initializer_range=0.3,
    attn_implementation="eager",
)
bert = BertModel(config)
for name, parameter in bert.named_parameters():
    # A bias of 0 or a norm's weight of 1 would hide that it was left out.
    if parameter.dim() == 1:
        parameter.data += 0.3 * torch.randn_like(parameter)
bert.save_pretrained(folder)
tokenizer.save(str(folder / "tokenizer.json"))
special = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 40, **special}
(folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2))
(here / "texts.json").write_text(json.dumps(TEXTS))

rows = [tokenizer.encode(text).ids for text in TEXTS]
B, S = len(rows), max(map(len, rows))
L, N, H = config.num_hidden_layers, config.num_attention_heads, config.hidden_size
mask = torch.tensor([[1.0] * len(row) + [0.0] * (S - len(row)) for row in rows])
targets = torch.zeros(B, CLASSES)
targets[torch.arange(B), torch.tensor([2, 0, 3])] = 1
given = {
    "input_ids": torch.tensor([row + [0] * (S - len(row)) for row in rows]),
    "mask": mask,
    "pool": mask / mask.sum(1, keepdim=True),
    "prototypes": torch.randn(CLASSES, H),
    "targets": targets,
    "weights": torch.tensor([0.5, 0.2, 0.3]),
    "scale": torch.tensor(20.0),
    "kv-0": torch.randn(L, 2, N, TOKENS, H // N),
    "kv-1": torch.randn(L - 1, 2, N, TOKENS, H // N),
    "soft": torch.randn(TOKENS, H),
}
dropped = lambda *dims: (torch.rand(dims) > 0.25).float() / 0.75
for name, queries, layers in [("kv-1", S, [1]), ("soft", S + TOKENS, [0, 1])]:
    given[f"{name}/dropout.prompt"] = dropped(*given[name].shape)
    for layer in layers:
        # In the first layer of a late prefix the text's own attention is frozen: there the mask is on the prefix alone.
        keys = TOKENS if name == "kv-1" and layer == 1 else S + TOKENS
        given[f"{name}/dropout.{layer}.attention"] = dropped(B, N, queries, keys)
        given[f"{name}/dropout.{layer}.mixed"] = dropped(B * queries, H)
        given[f"{name}/dropout.{layer}.output"] = dropped(B * queries, H)
save_file(given, here / "given.safetensors")
save_file(reference(bert, given), here / "wanted.safetensors")
