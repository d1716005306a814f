"""Checks Grad-CAM of transformers, whose layers camtui folds into pictures, against pytorch-grad-cam's reshape_transform.

Networks of torchvision and timm get random weights, are exported by both of PyTorch's exporters and given to the program
as files from elsewhere; its `--signed --save-map` is the map before its ReLU. pytorch-grad-cam runs the same network on the
same inputs, with `reshape_transform` where the layer is no picture [N, C, H, W]; its map is taken before ReLU, resizing and
normalising, which the class always adds. An error is |a-b|/|b|; the worst over layers, inputs and classes counts, and must be
within 1e-4.

Needs from PyPI: torch, torchvision, timm, onnx, onnxscript, onnxruntime, numpy, grad-cam. Run from the repository's root:

    cargo build --release -p camtui -p xtask
    python tests/goldens/token_maps.py [NETWORK ...] [--write]

With --write the rows go into docs/models.md.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from pytorch_grad_cam import GradCAM

from model_zoo import export, network, put
from runtimes import relative

PROGRAM = pathlib.Path("target/release/camtui").resolve()
LIMIT = 1e-4
INPUTS = 3
CLASSES = (7, 388)
# The module that camtui should explain by default, other modules, and how many tokens come before the places.
NETWORKS = {
    "vit_b_16": ("encoder.layers.encoder_layer_11.ln_1", ["encoder.layers.encoder_layer_0.ln_1",
                 "encoder.layers.encoder_layer_5", "encoder.layers.encoder_layer_10"], 1),
    "timm/vit_tiny_patch16_224": ("blocks.11.norm1", ["blocks.0.norm1", "blocks.5", "blocks.10.norm2"], 1),
    "timm/deit_tiny_distilled_patch16_224": ("blocks.11.norm1", ["blocks.3.norm1", "blocks.9"], 2),
    "timm/swin_tiny_patch4_window7_224": ("norm", ["layers.0.blocks.0.norm1", "layers.1.blocks.1", "layers.3.blocks.1.norm1"], 0),
    "swin_t": ("norm", ["features.1.0.norm1", "features.3.1", "features.7.1.norm1"], 0),
    "timm/mixer_s16_224": ("norm", ["blocks.2.norm1", "blocks.7"], 0),
    "timm/convnext_tiny": ("stages", ["stages.0.blocks.1.norm", "stages.2.blocks.8.norm", "stages.1"], 0),
    "convnext_tiny": ("features", ["features.1.0.block.2", "features.5"], 0),
}


def as_picture(before):
    """What is to be done to a module's output, as pytorch-grad-cam asks for it."""
    def transform(tensor):
        if tensor.dim() == 4:
            # Channels last, unless height and width are the last two.
            return tensor if tensor.shape[2] == tensor.shape[3] else tensor.permute(0, 3, 1, 2)
        side = round((tensor.shape[1] - before) ** 0.5)
        tokens = tensor[:, before:].reshape(len(tensor), side, side, tensor.shape[2])
        return tokens.permute(0, 3, 1, 2)
    return transform


def peer(model, module, image, label, before):
    """Grad-CAM `[h, w]` before ReLU."""
    layer = dict(model.named_modules())[module]
    with GradCAM(model, [layer], reshape_transform=as_picture(before)) as cam:
        model.zero_grad()
        cam.activations_and_grads(image)[0, label].backward()
        activation, gradient = (kept[0].detach().numpy() for kept in
                                (cam.activations_and_grads.activations, cam.activations_and_grads.gradients))
        return cam.get_cam_image(image, layer, None, activation, gradient, False)[0]


def program(words, folder):
    """The program's maps of all inputs, and its answers."""
    maps = f"{folder}/maps"
    told = subprocess.run([PROGRAM, "--render", f"{folder}/x.npy", "-m", f"{folder}/model.onnx", "-e", "grad-cam", "--signed",
                           "--json", "--save-map", maps, *words], check=True, capture_output=True, text=True)
    return [np.load(f"{maps}/x-{n}.npy") for n in range(INPUTS)], json.loads(told.stdout.splitlines()[0])


def check(name, exporter, folder):
    """A row of the table."""
    default, others, before = NETWORKS[name]
    model = network(name)
    for _, value in model.named_parameters():
        if not value.any() and value.dim() == 2:
            # Some heads begin at zero, and explain nothing.
            value.data.normal_(0.0, 0.05, generator=torch.Generator().manual_seed(3))
    export(model, torch.randn(2, 3, 224, 224), f"{folder}/model.onnx", exporter)
    images = torch.cat([torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(10 + n)) for n in range(INPUTS)])
    np.save(f"{folder}/x.npy", images.numpy())
    errors = []
    for layer in [None, *others]:
        for label in CLASSES:
            found, told = program([*(["-l", layer] if layer else []), "-t", str(label)], folder)
            if layer is None:
                assert told["layer"] == default, f"the default layer is {told['layer']} and not {default}"
            for n in range(INPUTS):
                expected = peer(model, layer or default, images[n:n + 1], label, before)
                assert expected.any() and found[n].shape == expected.shape, (layer, found[n].shape, expected.shape)
                errors.append(relative(found[n], expected))
    side = found[0].shape
    cells = [name, exporter, f"`{default}`", len(others) + 1, len(errors), f"{max(errors):.0e}"]
    row = "| " + " | ".join(str(c) for c in cells) + " |"
    print(f"{'ok ' if max(errors) <= LIMIT else 'BAD'} {row} {side}", flush=True)
    return row, max(errors) <= LIMIT


HEAD = ["network", "exporter", "layer by default", "layers", "maps", "worst error"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--write", action="store_true", help="put what was found into docs/models.md")
    arguments = parser.parse_args()
    good = True
    for name in arguments.networks:
        for exporter in ("torchscript", "dynamo"):
            with tempfile.TemporaryDirectory() as folder:
                os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
                try:
                    row, fine = check(name, exporter, folder)
                except Exception as error:
                    told = getattr(error, "stderr", None) or str(error)
                    print(f"BAD {name} {exporter}: {type(error).__name__}: {told[:500]}", flush=True)
                    good = False
                    continue
            good &= fine
            if arguments.write:
                put("folded", ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)], [row], 2)
    sys.exit(not good)


if __name__ == "__main__":
    main()
