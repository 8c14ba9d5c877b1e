"""Random detections and pycocotools 2.0.11's scores of them. python make_detections.py"""
import contextlib, io, json, pathlib, random
import numpy as np
from pycocotools import mask as masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

random.seed(11)
SIDE = 200


def boxes(count):
    out = []
    for _ in range(count):
        w, h = random.choice([12, 40, 120]) * random.uniform(0.5, 1.2), random.choice([12, 40, 120]) * random.uniform(0.5, 1.2)
        x, y = random.uniform(0, SIDE - min(w, 190)), random.uniform(0, SIDE - min(h, 190))
        out.append([round(v * 8) / 8 for v in (x, y, w, h)])  # eighths: exact in both forms of a box
    return out


def near(box):
    return [round(v * 8) / 8 for v in (box[0] + random.gauss(0, 3), box[1] + random.gauss(0, 3), max(2, box[2] + random.gauss(0, 4)), max(2, box[3] + random.gauss(0, 4)))]


def polygon(box):
    x, y, w, h = box
    return [[x, y, x + w, y + h / 3, x + w * 0.8, y + h, x, y + h * 0.7]]


def evaluate(kind, images):
    annotations, results = [], []
    for i, image in enumerate(images):
        for t in image["truths"]:
            one = {"id": len(annotations) + 1, "image_id": i + 1, "category_id": t["label"] + 1, "bbox": t["box"], "iscrowd": int(t["crowd"]), "area": t["box"][2] * t["box"][3]}
            if kind == "segm":
                one["segmentation"] = masks.merge(masks.frPyObjects(polygon(t["box"]), SIDE, SIDE))
                one["area"] = float(masks.area(one["segmentation"]))
                t["counts"] = one["segmentation"]["counts"].decode()
            annotations.append(one)
        for d in image["detections"]:
            one = {"image_id": i + 1, "category_id": d["label"] + 1, "score": d["score"]}
            if kind == "segm":
                one["segmentation"] = masks.merge(masks.frPyObjects(polygon(d["box"]), SIDE, SIDE))
                d["counts"] = one["segmentation"]["counts"].decode()
            else:
                one["bbox"] = d["box"]
            results.append(one)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {"images": [{"id": i + 1, "height": SIDE, "width": SIDE} for i in range(len(images))], "annotations": annotations, "categories": [{"id": c + 1} for c in range(4)]}
        truth.createIndex()
        run = COCOeval(truth, truth.loadRes(results), kind)
        run.evaluate()
        run.accumulate()
        run.summarize()
    precision, scores = run.eval["precision"][0, :, :, 0, 2], run.eval["scores"][0, :, :, 0, 2]
    per_class = [float(np.mean(p)) if (p := run.eval["precision"][:, :, c, 0, 2])[0, 0] > -1 else None for c in range(4)]
    return {"stats": run.stats.tolist(), "perClass": per_class, "precision": precision[:, 0].tolist(), "scores": scores[:, 0].tolist()}


cases = []
for kind, count in (("bbox", 12), ("segm", 6)):
    images = []
    for i in range(count):
        truths = [{"label": random.choice([0, 0, 1, 2]), "box": b, "crowd": random.random() < 0.08} for b in boxes(random.choice([0, 2, 5, 9]))]
        found = [{"label": t["label"] if random.random() < 0.9 else 1, "box": near(t["box"]), "score": round(random.random(), 2)} for t in truths for _ in range(random.choice([0, 1, 1, 2]))]
        found += [{"label": random.choice([0, 1, 2, 3]), "box": b, "score": round(random.random() * 0.7, 2)} for b in boxes(random.choice([0, 1, 4]))]
        images.append({"truths": truths, "detections": found})
    if kind == "bbox":
        images[0]["detections"] += [{"label": 0, "box": b, "score": round(random.random() * 0.3, 3)} for b in boxes(130)]
    cases.append({"kind": kind, "images": images, "wanted": evaluate(kind, images)})
pathlib.Path(__file__).with_name("detections.json").write_text(json.dumps({"side": SIDE, "cases": cases}) + "\n")
