"""Checks the program's maps on pictures, classes and layers drawn by lot against pytorch-grad-cam, on ResNet-18.

Each draw is a piece of a photograph (two fifths of its sides to all of it, mirrored or not), a target (one of the five likeliest
classes, any class, or one of two contrasts), any layer with spatial extent and one of eleven explainers. The maps are made as maps.py
makes them, with the same limits: at `layer4` each, elsewhere the median of each explainer and none over 3e-2. Another
--seed draws others.

Needs what maps.py needs. Run from the repository's root:

    cargo build --release -p camtui
    python tests/goldens/held_out.py [--seed 1] [--draws 132]
"""

import argparse
import json
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image, ImageOps

import networks
from comparing import FOLDER, PHOTOGRAPHS, PROGRAM, Table, prepared
from formulas import PEERS
from maps import NO_GRADIENT, compare, limit_of

IDS = [*PEERS, "finer-cam", "shapley-cam"]
ONE_CLASS = ["finer-cam", "shapley-cam"]


def layers_of(network):
    """All that have a height and a width and are the output of one of PyTorch's modules."""
    told = subprocess.run([PROGRAM, "model", "info", network.given, "--json"], check=True, capture_output=True, text=True)
    modules = dict(network.model.named_modules())
    return [layer["name"] for layer in json.loads(told.stdout)["layers"]
            if layer["name"] in modules and len(layer["shape"]) == 3 and layer["shape"][-1] > 1]


def piece(lots, picture):
    width, height = picture.size
    wide, high = (int(side * lots.uniform(0.4, 1.0)) for side in picture.size)
    left, top = int(lots.integers(width - wide + 1)), int(lots.integers(height - high + 1))
    picture = picture.crop((left, top, left + wide, top + high))
    return ImageOps.mirror(picture) if lots.random() < 0.5 else picture


def target_of(lots, id):
    kind = lots.random()
    if kind < 0.5:
        return f"top{lots.integers(1, 6)}"
    if kind < 0.75 or id in ONE_CLASS:
        return str(lots.integers(1000))
    return f"top1~top{lots.integers(2, 6)}" if kind < 0.9 else f"{lots.integers(500)}~{lots.integers(500, 1000)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--draws", type=int, default=132)
    arguments = parser.parse_args()
    if not networks.chosen(["resnet18"]):
        sys.exit("this needs ResNet-18")
    lots, table, doubtful, layers_seen = np.random.default_rng(arguments.seed), Table(), Table(), set()
    with tempfile.TemporaryDirectory() as folder:
        network = networks.Network("resnet18", folder)
        layers = layers_of(network)
        for n in range(arguments.draws):
            id, layer = IDS[n % len(IDS)], layers[lots.integers(len(layers))]
            picture = piece(lots, Image.open(FOLDER / PHOTOGRAPHS[lots.integers(len(PHOTOGRAPHS))]).convert("RGB"))
            one, apart = Table(), Table()
            compare(network, prepared(network, [picture]), target_of(lots, id), [layer], [id], one, apart, folder)
            layers_seen.add(layer)
            below = layer != network.pooled and id not in NO_GRADIENT
            for of, found in ((table, one), (doubtful, apart)):
                for drawn in list(found.errors):
                    line = (network.name, "any below" if below else "layer4", id) if id not in NO_GRADIENT else (
                        network.name, "any", id)
                    of.extend(line, found, drawn)
    print(f"seed {arguments.seed}: {arguments.draws} draws, {len(layers_seen)} layers of {len(layers)}")
    for id in IDS:
        for layer in ("layer4", "any below", "any"):
            line = network.name, layer, id
            table.judge(line, limit_of(id), layer != "any below")
            if line in doubtful.errors:
                doubtful.tell(line, "  said not to be trusted")
    sys.exit(table.summary())


if __name__ == "__main__":
    main()
