"""Writes what Pillow and torchvision make of pictures that both sides draw by the same formula.

resize.json: pictures resized by Pillow's bilinear filter, whole (hex of the RGB bytes).
prepare.json: torchvision's whole preprocessing; the tensor's norm and 64 of its values.
Both go to crates/camtui-core/tests/data and are read by the tests of picture/resize.rs and picture/prepare.rs.

Needs from PyPI: pillow, torch, torchvision, numpy. Run from anywhere: python tests/goldens/resize.py
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from torchvision import transforms as T

OUT = Path(__file__).resolve().parents[2] / "crates/camtui-core/tests/data"


def picture(width, height):
    """Slopes that wrap around (so there are hard edges) and a little structure that differs by channel."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return Image.fromarray(((x * x * (c + 3) + y * 7 * (x + 1) + y * y * 5 + c * 85) % 256).astype(np.uint8))


sizes = [
    (640, 427, 32, 32), (427, 640, 24, 16), (7, 3, 32, 24), (1, 1, 16, 16), (1, 500, 16, 16), (500, 1, 16, 16),
    (33, 65, 33, 20), (65, 33, 20, 33), (40, 25, 40, 25), (13, 17, 48, 40), (1920, 1080, 24, 24), (31, 29, 30, 28),
    (9, 300, 20, 8), (2, 2, 9, 5),
]
resized = []
for width, height, w, h in sizes:
    out = picture(width, height).resize((w, h), Image.Resampling.BILINEAR)
    resized.append({"from": [width, height], "to": [w, h], "rgb": out.tobytes().hex()})
(OUT / "resize.json").write_text(json.dumps(resized, indent=0) + "\n")

IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
LITE = ([127 / 255] * 3, [128 / 255] * 3)
recipes = [
    ("squash", 224, 224, 256, IMAGENET), ("squash", 224, 224, 256, LITE), ("squash", 97, 131, 256, IMAGENET),
    ("center-crop", 224, 224, 256, IMAGENET), ("center-crop", 224, 224, 201, IMAGENET),
    ("center-crop", 97, 131, 117, LITE), ("center-crop", 131, 97, 112, IMAGENET),
]
shapes = [(500, 375), (375, 500), (1, 1), (7, 3), (1, 60), (60, 1), (257, 256), (224, 224), (1000, 333), (255, 700)]
prepared = []
for kind, height, width, short, (mean, std) in recipes:
    steps = [T.Resize((height, width))] if kind == "squash" else [T.Resize(short), T.CenterCrop((height, width))]
    transform = T.Compose([*steps, T.ToTensor(), T.Normalize(mean, std)])
    for shape in shapes:
        tensor = transform(picture(*shape)).double().numpy().ravel()
        assert tensor.size == 3 * height * width
        samples = [float(np.float32(tensor[i * 7919 % tensor.size])) for i in range(64)]
        prepared.append({
            "photo": shape,
            "recipe": {"height": height, "width": width, "resize": kind, "crop_resize": short,
                       "mean": mean, "std": std},
            "norm": float(np.linalg.norm(tensor)),
            "samples": [round(s, 5) for s in samples],
        })
(OUT / "prepare.json").write_text(json.dumps(prepared) + "\n")
