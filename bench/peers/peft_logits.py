"""Logits of PEFT adapters by PEFT itself, each text alone.

    python peft_logits.py CHECKPOINT TEXTS.json OUT.json TOKENS FOLDER ..

OUT gets, for each folder, [texts][classes] in float64. Base classifiers are drawn at random: what counts must come from the folder.
"""

import json
import sys
import warnings

import peft
import torch
import transformers
from peft import PeftModel
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import BertForSequenceClassification

warnings.simplefilter("ignore")
checkpoint, source, target, tokens, *folders = sys.argv[1:]
print(f"transformers {transformers.__version__}, peft {peft.__version__}")
texts = json.load(open(source, encoding="utf8"))
tokenizer = Tokenizer.from_file(f"{checkpoint}/tokenizer.json")
results = []
for folder in folders:
    saved = load_file(f"{folder}/adapter_model.safetensors")
    classes = next(len(tensor) for name, tensor in saved.items() if name.endswith("classifier.bias"))
    base = BertForSequenceClassification.from_pretrained(checkpoint, num_labels=classes)
    model = PeftModel.from_pretrained(base, folder).eval().double()
    tokenizer.no_padding()
    tokenizer.enable_truncation(min(256, base.config.max_position_embeddings - int(tokens)))
    logits = []
    with torch.no_grad():
        for text in texts:
            ids = torch.tensor([tokenizer.encode(text).ids])
            logits.append(model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0].tolist())
    results.append(logits)
json.dump(results, open(target, "w"))
