"""Random masks, their confusion and DAVIS's boundary measure by scipy. python make_segmentations.py"""
import json, pathlib
import numpy as np
from scipy import ndimage

rng = np.random.default_rng(5)


def seg2bmap(mask):  # davis2017: same size, right and below
    m = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    here = m[:-1, :-1]
    return (here ^ m[:-1, 1:]) | (here ^ m[1:, :-1]) | (here ^ m[1:, 1:])


def boundary(truth, answer, tolerance):
    t, a = seg2bmap(truth), seg2bmap(answer)
    if t.sum() == 0 or a.sum() == 0:
        return float(t.sum() == a.sum())
    r = int(tolerance)
    y, x = np.ogrid[-r : r + 1, -r : r + 1]
    disk = x * x + y * y <= r * r
    precision = (a & ndimage.binary_dilation(t, disk)).sum() / a.sum()
    recall = (t & ndimage.binary_dilation(a, disk)).sum() / t.sum()
    return 0.0 if precision + recall == 0 else float(2 * precision * recall / (precision + recall))


rows, confusion = [], np.zeros((3, 3), int)
for case in range(14):
    h, w = rng.integers(3, 40, 2)
    blobs = ndimage.gaussian_filter(rng.normal(size=(h, w)), rng.choice([0.1, 1.5, 4]))
    truth = np.digitize(blobs, np.quantile(blobs, [0.4, 0.8]))
    answer = np.roll(truth, rng.integers(0, 4), axis=rng.integers(0, 2))
    if case == 3:
        answer[:] = 0
    if case == 4:
        truth[:] = answer[:] = 1
    truth[rng.random((h, w)) < 0.05] = 255
    np.add.at(confusion, (truth[truth < 3], answer[truth < 3]), 1)
    tolerance = int(rng.integers(0, 4))
    rows.append({"width": int(w), "height": int(h), "tolerance": tolerance, "truth": truth.flatten().tolist(), "answer": answer.flatten().tolist(), "boundary": boundary(truth == 1, answer == 1, tolerance)})
shared, wanted, given = np.diag(confusion), confusion.sum(1), confusion.sum(0)
iou, dice = shared / (wanted + given - shared), 2 * shared / (wanted + given)
out = {"rows": rows, "iou": iou.tolist(), "dice": dice.tolist(), "accuracy": float(shared.sum() / confusion.sum())}
pathlib.Path(__file__).with_name("segmentations.json").write_text(json.dumps(out) + "\n")
