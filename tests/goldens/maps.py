"""Checks Grad-CAM maps of the program itself against PyTorch: the figures at the end of docs/accuracy.md.

Photographs are prepared by torchvision and given to the program as `.npy`, so that both see the same numbers; the
program's `--signed --save-map` is the map before its ReLU. An error is |a-b|/|b| in the 2-norm.

Needs from PyPI: torch, torchvision, numpy, pillow, scikit-image. Needs a ResNet-18 checkpoint of torchvision's layout
in CAMTUI_TEST_CHECKPOINT; CAMTUI_TEST_IMAGE may name one more photograph. Run from the repository's root:

    cargo build --release -p camtui
    python tests/goldens/maps.py
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import skimage.data
import torch
import torchvision
from PIL import Image
from torchvision import transforms

PROGRAM = pathlib.Path("target/release/camtui").resolve()
LAYERS = ["layer4", "layer4.1.conv2", "layer4.1", "layer4.0.conv1", "layer3", "layer2", "layer1", "conv1"]
TARGETS = ["top1", "7", "999"]
POOLED = {"layer4", "layer4.1"}
NAMES = ["astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "horse.png", "motorcycle_left.png", "brick.png",
         "grass.png", "moon.png"]


def photographs():
    folder = pathlib.Path(skimage.data.__file__).parent
    paths = [folder / name for name in NAMES if (folder / name).exists()]
    if os.environ.get("CAMTUI_TEST_IMAGE"):
        paths.insert(0, pathlib.Path(os.environ["CAMTUI_TEST_IMAGE"]))
    prepare = transforms.Compose([
        transforms.Resize((224, 224)), transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ])
    return torch.stack([prepare(Image.open(path).convert("RGB")) for path in paths])


def grad_cam(model, layer, image, target):
    kept = {}

    def keep(_module, _inputs, output):
        output.retain_grad()
        kept["activation"] = output

    hook = dict(model.named_modules())[layer].register_forward_hook(keep)
    logits = model(image.clone().requires_grad_(True))
    hook.remove()
    logits[0, int(logits.argmax()) if target == "top1" else int(target)].backward()
    activation = kept["activation"]
    return (activation.grad.mean((2, 3), keepdim=True) * activation).sum(1)[0].detach().numpy()


def main():
    checkpoint = os.environ.get("CAMTUI_TEST_CHECKPOINT")
    if not checkpoint:
        sys.exit("CAMTUI_TEST_CHECKPOINT names no checkpoint")
    model = torchvision.models.resnet18()
    model.load_state_dict(torch.load(checkpoint, weights_only=True))
    model.eval()
    images = photographs()
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/x.npy", images.numpy())
        for layer in LAYERS:
            errors = []
            for target in TARGETS:
                maps = pathlib.Path(folder, layer, target)
                subprocess.run([PROGRAM, "--render", f"{folder}/x.npy", "--model", checkpoint, "--layer", layer, "--target",
                                target, "--signed", "--save-map", maps], check=True, stdout=subprocess.DEVNULL)
                for n, image in enumerate(images):
                    expected = grad_cam(model, layer, image[None], target)
                    found = np.load(maps / f"x-{n}.npy")
                    assert found.shape == expected.shape
                    errors.append(np.linalg.norm(found - expected) / np.linalg.norm(expected))
            middle, worst = float(np.median(errors)), max(errors)
            fine = worst <= 1e-4 if layer in POOLED else middle <= 1e-4 and worst <= 3e-2
            bad += not fine
            print(f"{layer:16} {len(errors):3} maps  median {middle:.1e}  worst {worst:.1e}{'' if fine else ' !'}", flush=True)
    sys.exit(f"{bad} layers (marked !) are over their limits" if bad else 0)


if __name__ == "__main__":
    main()
