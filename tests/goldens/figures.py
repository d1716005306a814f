"""The two figures, CAM and Grad-CAM (`layer4.1.conv2`), by PyTorch's own autograd.

    python tests/goldens/figures.py CHECKPOINT.pth PICTURE.jpg

Needs torch, torchvision, numpy and pillow from PyPI. Writes `tests/goldens/data/figures.json`, which
`tests/tests/figures.rs` compares camtui with when CAMTUI_TEST_CHECKPOINT and CAMTUI_TEST_IMAGE name the same two
files (their SHA-256 is noted). Nothing here calls camtui.

Two inputs: the middle 224 x 224 pixels of examples/chelsea.png, normalised without any resampling, so that both
sides compute with exactly the same numbers; and PICTURE, resized by Pillow as torchvision does, where camtui's own
decoding and resizing are part of the comparison.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image

HERE = Path(__file__).resolve().parent
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def normalised(pixels):
    """u8 [H,W,3] to f32 [1,3,H,W], every step rounded to f32."""
    values = (pixels.astype(np.float32) / np.float32(255) - MEAN) / STD
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)[None]))


def maps(model, x):
    """The best class and its two maps, by hooks and autograd."""
    kept = {}
    stage = model.layer4.register_forward_hook(lambda _m, _i, out: kept.__setitem__("stage", out))
    conv = model.layer4[1].conv2.register_forward_hook(lambda _m, _i, out: kept.__setitem__("conv", out))
    logits = model(x)[0]
    stage.remove()
    conv.remove()
    top = int(logits.argmax())
    gradient = torch.autograd.grad(logits[top], kept["conv"])[0]
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    grad_cam = torch.relu((weights * kept["conv"]).sum(1))[0]
    cam = torch.einsum("k,khw->hw", model.fc.weight[top], kept["stage"][0])
    listed = lambda t: [float(v) for v in t.detach().flatten()]
    return {"class": top, "logit": logits[top].item(), "cam": listed(cam), "grad-cam": listed(grad_cam)}


def main():
    checkpoint, picture = map(Path, sys.argv[1:3])
    torch.manual_seed(0)
    model = torchvision.models.resnet18()
    model.load_state_dict(torch.load(checkpoint, weights_only=True))
    model.eval()
    chelsea = np.asarray(Image.open(HERE.parent.parent / "examples/chelsea.png").convert("RGB"))
    top, left = (chelsea.shape[0] - 224) // 2, (chelsea.shape[1] - 224) // 2
    middle = chelsea[top : top + 224, left : left + 224]
    resized = Image.open(picture).convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)
    sha256 = lambda path: hashlib.sha256(path.read_bytes()).hexdigest()
    result = {
        "checkpoint": sha256(checkpoint),
        "picture": sha256(picture),
        "exact": maps(model, normalised(middle)),
        "figure": maps(model, normalised(np.asarray(resized))),
    }
    (HERE / "data/figures.json").write_text(json.dumps(result) + "\n")
    print({key: value["class"] for key, value in result.items() if isinstance(value, dict)})


main()
