"""Rows of BIO tags and what seqeval 1.2.2 says of them. pip install seqeval; python make_spans.py > spans.json"""

import json
import random
import warnings

from seqeval.metrics import f1_score, precision_score, recall_score

warnings.filterwarnings("ignore")
draw = random.Random(7)
NAMES = ["city", "time", "x/y"]


def row(length, strict):
    tags, name = [], None
    for _ in range(length):
        kind = draw.choice("OBI")
        if kind == "I" and strict and name is None:
            kind = "B"
        if kind != "I" or not strict:
            name = None if kind == "O" else draw.choice(NAMES)
        tags.append("O" if kind == "O" else f"{kind}-{name}")
    return tags


def noisy(tags, strict):
    other = row(len(tags), strict)
    return [b if draw.random() < 0.25 else a for a, b in zip(tags, other)]


cases = []
for strict in [True, False]:
    for rows in [1, 3, 20]:
        expected = [row(draw.randint(1, 9), strict) for _ in range(rows)]
        answered = [noisy(tags, strict) for tags in expected]
        figures = {
            "precision": precision_score(expected, answered),
            "recall": recall_score(expected, answered),
            "f1": f1_score(expected, answered),
            "macroF1": f1_score(expected, answered, average="macro"),
        }
        cases.append({"expected": expected, "answered": answered, **{k: float(v) for k, v in figures.items()}})
print(json.dumps(cases, separators=(",", ":")))
