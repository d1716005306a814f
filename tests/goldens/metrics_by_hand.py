"""What `--metrics` says, computed again from the maps that camtui saved: by NumPy, PyTorch and ONNX Runtime alone.

    python tests/goldens/metrics_by_hand.py target/release/camtui

Needs torch, numpy, onnx, onnxruntime and pillow from PyPI. Writes nothing. For three explainers on a preprocessed picture (the middle of
examples/chelsea.png) of the embedded model:

- the map is enlarged by torch's bilinear interpolation and spread over 0…1;
- deletion, insertion, average drop, increase: ONNX Runtime runs the model that `camtui model export` writes;
- sparsity, border mass, pointing and on-object: their definitions;
- sanity: the exported model's last weights are drawn anew from `seeded.py`, with the deviation that they have; camtui explains that
  file, and Spearman's rank correlation of both maps is taken here.

ROAD and ADCC are compared with pytorch-grad-cam's code in `metrics.py`. Exits non-zero if a figure is off by more than 1e-3; those with
a rank in them (deletion, insertion) may differ where two pixels' values are equal but for rounding.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
import torch
from PIL import Image

import seeded

HERE = pathlib.Path(__file__).resolve().parent
BOX = (60, 30, 120, 100)
EXPLAINERS = ["grad-cam", "eigen-cam", "layer-cam"]
LAYER = "_blocks.10"
SEED = 3
STEPS = 32


def camtui(program, *words):
    out = subprocess.run([program, "--render", *map(str, words)], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in out.stdout.splitlines()]


def drawn(map):
    """Enlarged to 224 × 224 and spread over 0…1, a value a pixel."""
    wide = torch.nn.functional.interpolate(torch.from_numpy(map)[None, None], (224, 224), mode="bilinear", align_corners=False)
    flat = wide.numpy().ravel().astype(np.float64)
    return (flat - flat.min()) / (flat.max() - flat.min())


def blurred(x):
    """11 taps, σ 5, zeros around."""
    taps = np.exp(-np.arange(-5, 6) ** 2 / 50.0)
    kernel = torch.from_numpy(taps / taps.sum())[None, None]
    planes = torch.from_numpy(x.astype(np.float64)).transpose(0, 1)
    rows = torch.nn.functional.conv2d(planes, kernel[:, :, None], padding=(0, 5))
    return torch.nn.functional.conv2d(rows, kernel[:, :, :, None], padding=(5, 0)).transpose(0, 1).numpy().astype(np.float32)


def area(session, target, map, start, end):
    order = np.argsort(-map, kind="stable")
    x, scores = start.reshape(3, -1).copy(), []
    cuts = [step * order.size // STEPS for step in range(STEPS + 1)]
    for step, cut in enumerate(cuts):
        changed = order[cuts[step - 1] if step else 0:cut]
        x[:, changed] = end.reshape(3, -1)[:, changed]
        scores.append(probability(session, target, x.reshape(1, 3, 224, 224)))
    shares = np.array(cuts) / order.size
    return float(np.trapezoid(scores, shares))


def probability(session, target, x):
    y = session.run(["logits"], {"image": x})[0][0].astype(np.float64)
    powers = np.exp(y - y.max())
    return float(powers[target] / powers.sum())


def gini(map):
    sorted_map, n = np.sort(map), map.size
    return float(2 * (np.arange(1, n + 1) * sorted_map).sum() / sorted_map.sum() - (n + 1)) / n


def border(map):
    square = map.reshape(224, 224)
    return float(1 - square[22:-22, 22:-22].sum() / square.sum())


def ranks(values):
    """Ties share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((ends - counts + ends - 1) / 2)[inverse]


def spearman(a, b):
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def random_head(path, target):
    model = onnx.load(path)
    producer = {output: node for node in model.graph.node for output in node.output}
    node = producer["logits"]
    while node.op_type not in ("Gemm", "MatMul", "Conv"):
        node = producer[node.input[0]]
    for tensor in model.graph.initializer:
        if tensor.name == node.input[1]:
            old = onnx.numpy_helper.to_array(tensor)
            bound = np.float32(np.sqrt(3.0) * old.astype(np.float64).std())
            new = seeded.uniform("head", old.shape, SEED, -bound, bound).astype(np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(new, tensor.name))
    onnx.save(model, target)


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    pixels = np.asarray(Image.open(HERE.parent.parent / "examples/chelsea.png").convert("RGB"))
    top, left = (pixels.shape[0] - 224) // 2, (pixels.shape[1] - 224) // 2
    middle = pixels[top:top + 224, left:left + 224].astype(np.float32)
    x = np.ascontiguousarray((middle / 255 - 127 / 255).astype(np.float32).transpose(2, 0, 1)[None] / np.float32(128 / 255))
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        np.save(folder / "x.npy", x)
        for name, outputs in (("model", None), ("forward", "logits")):
            words = ["model", "export", "efficientnet-lite0", "-o", folder / f"{name}.onnx"]
            words += ["--outputs", outputs] if outputs else []
            subprocess.run([program, *map(str, words)], check=True, capture_output=True)
        random_head(folder / "model.onnx", folder / "random.onnx")
        session = onnxruntime.InferenceSession(folder / "forward.onnx")
        names = "deletion,insertion,average-drop,increase,sparsity,border-mass,pointing,sanity"
        common = ["-l", LAYER, "--seed", SEED, "--json"]
        for id in EXPLAINERS:
            map_of = lambda model, words: camtui(
                program, folder / "x.npy", "-e", id, "-m", model, "--save-map", folder / "map.npy", *common, *words)[0]
            box = ",".join(map(str, BOX))
            said = map_of("efficientnet-lite0", [f"--metrics={names}", "--box", box])
            own = drawn(np.load(folder / "map.npy"))
            target = said["target"]["index"]
            map_of(folder / "random.onnx", ["-t", target])
            other = drawn(np.load(folder / "map.npy"))
            before = probability(session, target, x)
            after = probability(session, target, (x * own.reshape(224, 224).astype(np.float32)))
            inside = np.zeros((224, 224), bool)
            inside[BOX[1]:BOX[1] + BOX[3], BOX[0]:BOX[0] + BOX[2]] = True
            expected = {
                "deletion": area(session, target, own, x, np.zeros_like(x)),
                "insertion": area(session, target, own, blurred(x), x),
                "average-drop": max(0.0, before - after) / before,
                "increase": float(after > before),
                "sparsity": gini(own),
                "border-mass": border(own),
                "pointing": float(inside.ravel()[int(own.argmax())]),
                "on-object": float(own[inside.ravel()].sum() / own.sum()),
                "sanity": spearman(own, other),
            }
            for key, value in expected.items():
                off = abs(said["metrics"][key]["value"] - value)
                worst = max(worst, off)
                print(f"{id:12} {key:14} {said['metrics'][key]['value']:9.5f} {value:9.5f} {off:.1e}")
    print(f"worst: {worst:.1e}")
    sys.exit(worst > 1e-3)


main()
