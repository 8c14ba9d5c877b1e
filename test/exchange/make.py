"""Writes prompts of a BERT as PEFT, P-tuning v2, TGIS and NumPy users have them, and PyTorch's logits for them.

    python make.py CHECKPOINT OUT [SEED]

OUT gets a folder a fixture and wanted.json: texts, and for each fixture its logits, [texts][classes], in float32 as users
have them, and in float64, which tell whose rounding a difference is. goldens/ is of
packages/backbone/src/bert/goldens/tiny with seed 0, by torch 2.13, transformers 4.57.6 and PEFT 0.18.1: on transformers 5
PEFT refuses prefixes of BERT. `npm run -s bench -- peft` runs this with another seed, and on a backbone of full size.
"""

import json
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from peft import (
    LoraConfig,
    MultitaskPromptTuningConfig,
    PeftModel,
    PrefixTuningConfig,
    PromptEncoderConfig,
    PromptTuningConfig,
    get_peft_model,
)
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import BertConfig, BertForSequenceClassification, BertModel, DynamicCache

warnings.simplefilter("ignore")
checkpoint, out = sys.argv[1], Path(sys.argv[2])
seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
out.mkdir(parents=True, exist_ok=True)
torch.set_num_threads(1)

CLASSES, TOKENS = 3, 5
bert_config = BertConfig.from_pretrained(checkpoint)
LAYERS, HIDDEN = bert_config.num_hidden_layers, bert_config.hidden_size
TEXTS = [
    "where is my new card",
    "Refund!",
    "",
    "the card has not come, please help me",
    "please help me, the new card has not come. " * 4,
]
tokenizer = Tokenizer.from_file(f"{checkpoint}/tokenizer.json")
wanted = {"float32": {}, "float64": {}}


def rows(tokens=TOKENS):
    """Each text alone, cut to the positions that the prompt leaves."""
    tokenizer.no_padding()
    tokenizer.enable_truncation(min(256, bert_config.max_position_embeddings - tokens))
    return [torch.tensor([tokenizer.encode(text).ids]) for text in TEXTS]


def base():
    """The classifier is drawn anew by from_pretrained: the same one each time, and the prompt's to save."""
    torch.manual_seed(seed + 1)
    model = BertForSequenceClassification.from_pretrained(checkpoint, num_labels=CLASSES)
    model.classifier.weight.data = torch.randn(CLASSES, HIDDEN) * 0.3
    model.classifier.bias.data = torch.randn(CLASSES) * 0.3
    return model.eval()


def logits_of(model, tokens, **more):
    with torch.no_grad():
        return [model(input_ids=ids, attention_mask=torch.ones_like(ids), **more).logits[0].tolist() for ids in rows(tokens)]


def want(name, logits):
    """logits: dtype -> logits"""
    wanted["float32"][name] = logits(torch.float32)
    wanted["float64"][name] = logits(torch.float64)


def peft(name, config, safe=True, adapter="default", half=False, task=None):
    torch.manual_seed(seed + 2)
    model = get_peft_model(base(), config, adapter_name=adapter).eval()
    trained = [p for n, p in model.named_parameters() if ".lora_" in n or n.startswith("prompt_encoder.")]
    for parameter in trained:
        # As large as trained ones become: PEFT starts some at a hundredth, which no test would notice.
        parameter.data = torch.randn_like(parameter) * (0.5 if parameter.dim() > 1 else 0.1)
    if half:
        model.prompt_encoder.half()
        model.base_model.classifier.half()
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    # What a user has is what was saved: so it is loaded again before it is asked.
    model.save_pretrained(folder, safe_serialization=safe)
    saved = folder if adapter == "default" else folder / adapter
    loaded = PeftModel.from_pretrained(base(), saved).eval()
    for unwanted in folder.rglob("README.md"):
        unwanted.unlink()
    for config_file in folder.rglob("adapter_config.json"):
        fields = json.loads(config_file.read_text())
        # A path of the machine that made it.
        fields["base_model_name_or_path"] = "someone/tiny-bert"
        config_file.write_text(json.dumps(fields, indent=2, sort_keys=True))
    more = {} if task is None else {"task_ids": torch.tensor([task])}
    want(name, lambda dtype: logits_of(loaded.to(dtype), getattr(config, "num_virtual_tokens", 0), **more))


common = {"task_type": "SEQ_CLS", "num_virtual_tokens": TOKENS}
peft("prompt-tuning", PromptTuningConfig(**common))
peft("prompt-tuning-pickle", PromptTuningConfig(**common), safe=False)
peft("prompt-tuning-named", PromptTuningConfig(**common), adapter="support")
peft("prompt-tuning-half", PromptTuningConfig(**common), half=True)
peft("p-tuning-mlp", PromptEncoderConfig(**common, encoder_hidden_size=16))
peft("p-tuning-lstm", PromptEncoderConfig(**common, encoder_hidden_size=16, encoder_reparameterization_type="LSTM"))
peft("multitask", MultitaskPromptTuningConfig(**common, num_tasks=3, num_ranks=2), task=1)
peft("prefix-tuning", PrefixTuningConfig(**common))
peft("prefix-tuning-projected", PrefixTuningConfig(**common, prefix_projection=True, encoder_hidden_size=16))

low_rank = {"task_type": "SEQ_CLS", "r": 3, "lora_alpha": 2}
peft("lora", LoraConfig(**low_rank, target_modules=["query", "value"]))
# What PEFT turns off for a Linear, it leaves in the file.
peft("lora-query", LoraConfig(**low_rank, target_modules=["query"], fan_in_fan_out=True, modules_to_save=["pooler", "classifier"]))
own = {"rank_pattern": {"layer.1.attention.self.value": 2}, "alpha_pattern": {"layer.1.attention.self.query": 5}}
peft("lora-patterns", LoraConfig(**low_rank, target_modules=["query", "value"], use_rslora=True, layers_to_transform=[1], **own))


class Head(torch.nn.Module):
    """What P-tuning v2 puts behind BERT: the pooler's output, then a linear layer."""

    def __init__(self, state, dtype):
        super().__init__()
        self.bert = BertModel.from_pretrained(checkpoint).eval().to(dtype)
        self.state = {name: value.to(dtype) for name, value in state.items()}

    def classify(self, pooled):
        return pooled @ self.state["classifier.weight"].T + self.state["classifier.bias"]

    def behind_prefix(self, columns):
        """columns [T, 2 L H] before the text in each layer's keys and values, the mask one longer a token."""
        parts = columns.view(1, TOKENS, 2 * LAYERS, bert_config.num_attention_heads, -1).permute(2, 0, 3, 1, 4).split(2)
        results = []
        for ids in rows():
            cache = DynamicCache.from_legacy_cache([(part[0], part[1]) for part in parts])
            mask = torch.ones(1, TOKENS + ids.shape[1], dtype=columns.dtype)
            results.append(self.classify(self.bert(ids, attention_mask=mask, past_key_values=cache).pooler_output)[0].tolist())
        return results

    def behind_tokens(self, prompt, position):
        """prompt [T, H] before the word embeddings; the head reads the state at `position`."""
        results = []
        for ids in rows():
            words = torch.cat([prompt[None], self.bert.embeddings.word_embeddings(ids)], 1)
            states = self.bert(inputs_embeds=words).last_hidden_state
            pooled = torch.tanh(self.bert.pooler.dense(states[:, position]))
            results.append(self.classify(pooled)[0].tolist())
        return results


torch.manual_seed(seed + 3)
head = {"classifier.weight": torch.randn(CLASSES, HIDDEN) * 0.3, "classifier.bias": torch.randn(CLASSES) * 0.3}
models = {dtype: Head(head, dtype) for dtype in (torch.float32, torch.float64)}
with torch.no_grad():
    columns = torch.randn(TOKENS, LAYERS * 2 * HIDDEN) * 0.5
    folder = out / "p-tuning-v2"
    folder.mkdir(exist_ok=True)
    frozen = {f"bert.{name}": value for name, value in models[torch.float32].bert.state_dict().items()}
    torch.save({**frozen, "prefix_encoder.embedding.weight": columns, **head}, folder / "pytorch_model.bin")
    names = {"0": "refund", "1": "delivery", "2": "other"}
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "pre_seq_len": TOKENS, "id2label": names}))
    want("p-tuning-v2", lambda dtype: models[dtype].behind_prefix(columns.to(dtype)))

    tokens = torch.randn(TOKENS, HIDDEN)
    projection = {"0.weight": (12, HIDDEN), "0.bias": (12,), "2.weight": (LAYERS * 2 * HIDDEN, 12), "2.bias": (LAYERS * 2 * HIDDEN,)}
    projection = {name: torch.randn(dims) * 0.4 for name, dims in projection.items()}

    def projected(dtype):
        cast = {name: value.to(dtype) for name, value in projection.items()}
        inner = torch.tanh(tokens.to(dtype) @ cast["0.weight"].T + cast["0.bias"])
        return inner @ cast["2.weight"].T + cast["2.bias"]

    state = {f"prefix_encoder.trans.{name}": value for name, value in projection.items()}
    (out / "p-tuning-v2-projected").mkdir(exist_ok=True)
    save_file(
        {**state, "prefix_encoder.embedding.weight": tokens, **head},
        out / "p-tuning-v2-projected" / "model.safetensors",
    )
    want("p-tuning-v2-projected", lambda dtype: models[dtype].behind_prefix(projected(dtype)))

    prompt = torch.randn(TOKENS, HIDDEN) * 0.5
    (out / "tgis").mkdir(exist_ok=True)
    # Strides that aren't row-major: a transposed tensor is saved as it lies.
    torch.save(torch.nn.Parameter(prompt.T.contiguous().T), out / "tgis" / "decoder.pt")
    save_file(head, out / "head.safetensors")
    want("tgis", lambda dtype: models[dtype].behind_tokens(prompt.to(dtype), 0))
    np.save(out / "prompt.npy", prompt.numpy())
    want("prompt.npy", lambda dtype: models[dtype].behind_tokens(prompt.to(dtype), TOKENS))

(out / "wanted.json").write_text(json.dumps({"texts": TEXTS, **wanted}))
