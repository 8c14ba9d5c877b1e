"""Unit sentence vectors by transformers alone, its tokenizer included: mean over the tokens, at most 256 of them.

    python sentence_vectors.py CHECKPOINT TEXTS.json OUT.safetensors
"""

import json
import sys

import torch
from safetensors.torch import save_file
from torch.nn import functional as F
from transformers import AutoTokenizer, BertModel

checkpoint, source, target = sys.argv[1:4]
torch.set_num_threads(2)
tokenizer = AutoTokenizer.from_pretrained(checkpoint)
bert = BertModel.from_pretrained(checkpoint).eval()
vectors = []
with torch.no_grad():
    for text in json.load(open(source, encoding="utf8")):
        given = tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
        vectors.append(F.normalize(bert(**given).last_hidden_state.mean(1), dim=-1))
save_file({"vectors": torch.cat(vectors)}, target)
