"""Masks as pycocotools 2.0.11 sees them. python make_masks.py"""
import json, pathlib, random
import numpy as np
from pycocotools import mask as coco

random.seed(7)
rows = []
for case in range(60):
    h, w = random.randint(1, 40), random.randint(1, 40)
    if case % 3 == 0:
        corners = random.randint(3, 9)
        polygon = [round(random.uniform(-4, (w, h)[i % 2] + 4), random.choice([0, 1, 3])) for i in range(2 * corners)]
        if case % 2 == 0:
            polygon += polygon[-2:]  # a corner given twice
        rle = coco.frPyObjects([polygon], h, w)[0]
    else:
        polygon = None
        density = random.choice([0, 0.1, 0.5, 0.95, 1])
        pixels = np.asfortranarray(np.array([[random.random() < density for _ in range(w)] for _ in range(h)], dtype=np.uint8))
        rle = coco.encode(pixels)
    mask = coco.decode(rle)
    other = np.asfortranarray(np.roll(mask, 1, axis=0))
    rows.append({
        "height": h, "width": w, "polygon": polygon, "counts": rle["counts"].decode(),
        "mask": "".join(map(str, mask.flatten().tolist())), "area": int(coco.area(rle)), "box": coco.toBbox(rle).tolist(),
        "iouWithNext": coco.iou([rle], [coco.encode(other)], [0])[0][0],
        "union": coco.merge([rle, coco.encode(other)])["counts"].decode(), "next": coco.encode(other)["counts"].decode(),
    })
big = [[10.2, 12.7, 300.5, 40.1, 280.9, 190.4, 120.3, 199.8], [400, 300, 450, 300, 450, 350, 400, 350]]
merged = coco.merge(coco.frPyObjects(big, 480, 640))
out = {"rows": rows, "big": {"polygons": big, "counts": merged["counts"].decode(), "area": int(coco.area(merged))}}
pathlib.Path(__file__).with_name("masks.json").write_text(json.dumps(out) + "\n")
