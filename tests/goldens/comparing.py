"""The program's own maps beside those of others: what maps.py, maps_of_passes.py and held_out.py share.

Photographs are prepared by torchvision and given to the program as `.npy`, so that both see the same numbers; the
program's `--signed --save-map` is the map before its ReLU. An error is |a-b|/|b| in the 2-norm. What is compared with is the
peer's code in double precision, so that only one side rounds; where it was not run in double precision, the same in single. Each
line tells the median and the worst of the errors, what the peer in single precision is off by on the same maps, what camtui is
away from that, and:

    !   over its limit
    ~   over its limit, where the peer in single precision is over it as well: the map hangs on units within rounding of a ReLU's
        edge, and no implementation in single precision can be asked for more
    *   within its limit, but the two of single precision are further apart: each has its own units at the edge

Needs from PyPI: torch, torchvision, numpy, pillow, scikit-image (for its photographs). CAMTUI_TEST_IMAGE may name one more
photograph, CAMTUI_PROGRAM another program than target/release/camtui, CAMTUI_TEST_FLAGS further flags for it.
"""

import collections
import json
import os
import pathlib
import subprocess

import numpy as np
import skimage.data
import torch
from PIL import Image
from torchvision import transforms

PROGRAM = pathlib.Path(os.environ.get("CAMTUI_PROGRAM", "target/release/camtui")).resolve()
FOLDER = pathlib.Path(skimage.data.__file__).parent
PHOTOGRAPHS = ["astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "horse.png", "motorcycle_left.png", "brick.png",
               "grass.png", "moon.png", "camera.png", "coins.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "retina.jpg",
               "cell.png", "page.png", "clock_motion.png", "microaneurysms.png", "text.png"]
WORST = 3e-2


def prepared(network, pictures):
    """[N, 3, 224, 224] of Pillow's pictures."""
    prepare = transforms.Compose([
        transforms.Resize((224, 224)), transforms.ToTensor(), transforms.Normalize(*network.normalise),
    ])
    return torch.stack([prepare(picture.convert("RGB")) for picture in pictures])


def photographs(network, count=None):
    paths = [FOLDER / name for name in PHOTOGRAPHS]
    if os.environ.get("CAMTUI_TEST_IMAGE"):
        paths.insert(0, pathlib.Path(os.environ["CAMTUI_TEST_IMAGE"]))
    return prepared(network, [Image.open(path) for path in paths[:count]])


def seed_of(target, logits):
    """The cotangent that the program makes of `--target`."""
    ranked = logits.argsort(descending=True)
    seed = torch.zeros_like(logits)
    for sign, side in zip((1.0, -1.0), target.split("~")):
        seed[ranked[int(side[3:]) - 1] if side.startswith("top") else int(side)] += sign
    return seed


def run(network, model, image, layers=None):
    """Logits and what every layer holds; gradients can be asked of both."""
    kept, hooks = {}, []
    for layer in layers or network.layers:
        def keep(_module, _inputs, output, layer=layer):
            kept[layer] = output  # a module that is called twice: the last call
            return output.clone()  # torchvision's ReLUs work in place

        hooks.append(network.module(layer, model).register_forward_hook(keep))
    logits = model(image[None].clone().requires_grad_(True))[0]
    for hook in hooks:
        hook.remove()
    return logits, kept


def program(network, words, images, folder):
    """The program's maps, by photograph and explainer, and which of them it says cannot be trusted."""
    np.save(f"{folder}/x.npy", np.asarray(images, np.float32))
    told = subprocess.run([PROGRAM, "--render", f"{folder}/x.npy", "--model", network.given, "--signed", "--json", "--save-map",
                           f"{folder}/maps", "--threads", os.environ.get("OMP_NUM_THREADS", "2"), *os.environ.get("CAMTUI_TEST_FLAGS", "").split(), *words],
                          env={**os.environ, "CAMTUI_CACHE_DIR": f"{folder}/cache"}, capture_output=True, text=True)
    assert told.returncode == 0, (words, told.stderr)
    maps, untrusted = {}, set()
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    several = len({line["explainer"]["id"] for line in lines}) > 1
    for line in lines:
        n, id = int(line["image"].rsplit("[", 1)[1][:-1]) if len(images) > 1 else 0, line["explainer"]["id"]
        name = "x" if len(images) == 1 else f"x-{n}"
        maps[n, id] = np.load(f"{folder}/maps/{name}.{id}.npy" if several else f"{folder}/maps/{name}.npy")
        if any("not to be trusted" in sentence for sentence in line["diagnostics"]):
            untrusted.add((n, id))
    return maps, untrusted


def off(found, expected):
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape, (found.shape, expected.shape)
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


class Table:
    """Errors by network, layer and explainer; says which are over their limits."""

    def __init__(self):
        self.errors, self.own, self.apart = (collections.defaultdict(list) for _ in range(3))
        self.marks, self.maps = collections.Counter(), 0

    def add(self, line, found, expected, exact=None):
        """`exact` is what `expected` is in double precision."""
        self.errors[line].append(off(found, expected if exact is None else exact))
        if exact is not None:
            self.own[line].append(off(expected, exact))
            self.apart[line].append(off(found, expected))

    def extend(self, line, other, of):
        """Adds what `other` has of its line `of`."""
        for mine, theirs in ((self.errors, other.errors), (self.own, other.own), (self.apart, other.apart)):
            mine[line] += theirs[of]

    def judge(self, line, limit, every):
        """Prints a line. `every` map must be within `limit`, or their median with none over WORST."""
        within = lambda found: max(found) <= limit if every else np.median(found) <= limit and max(found) <= WORST
        errors, own, apart = self.errors.get(line), self.own.get(line), self.apart.get(line)
        if not errors:
            return
        self.maps += len(errors)
        mark = ""
        if not within(errors):
            mark = "~" if own and not within(own) else "!"
        elif apart and not within(apart):
            mark = "*"
        self.marks[mark] += 1
        self.tell(line, mark)

    def tell(self, line, mark):
        name, layer, id = line
        of = lambda found: f"{np.median(found):.1e} {max(found):.1e}"
        errors, own, apart = self.errors[line], self.own.get(line), self.apart.get(line)
        itself = f"  the peer {of(own)}  apart {of(apart)}" if own else ""
        print(f"{name:18} {layer:20} {id:21} {len(errors):3} maps  off {of(errors)}{itself} {mark}", flush=True)

    def summary(self):
        """Prints it; the exit status."""
        print(f"{self.maps} maps; {self.marks['!']} lines (marked !) are over their limits, {self.marks['~']} more (marked ~) where the peer "
              f"in single precision is over them too; {self.marks['*']} (marked *) are within them and further from that than they say")
        return int(self.marks["!"] > 0)
