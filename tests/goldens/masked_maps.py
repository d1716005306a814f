"""Are maps that are over their limits in maps.py off by more than the units that fall to the other side of a ReLU?

For given masks of ReLUs and max pooling a gradient is a linear function of its seed. So PyTorch is given the masks that camtui's own
activations have (gradient_masks.py), makes its maps again, and what is left is either rounding or a fault. Two numbers a
line: with PyTorch's own masks, and with camtui's; then how many units differ, and how far the farthest lies from its edge.
With camtui's masks every map must be within 1e-4 (1e-3 with an eigenvector); otherwise this ends with 1. XGrad-CAM and
Grad-CAM++ are left out where they say that they cannot be trusted.

Needs what maps.py needs, and `cargo build --release -p xtask`. Run from the repository's root:

    python tests/goldens/masked_maps.py [vgg11] [densenet121]
"""

import subprocess
import sys
import tempfile

import numpy as np

import networks
from comparing import off, photographs, program
from formulas import PEERS
from gradient_masks import gates, given
from maps import NO_GRADIENT, TARGETS, limit_of, peers_maps
from runtimes import XTASK, on_tract

IDS = [id for id in PEERS if id not in (*NO_GRADIENT, "fem")]


def check(network, folder):
    images, graph = photographs(network), f"{folder}/gradients.onnx"
    subprocess.run(XTASK + ["differentiate", network.given, "-o", graph], check=True, capture_output=True)
    decided = gates(graph)
    names = [name for _, name in decided]
    raw, masked, flips = {}, {}, []
    for k, target in enumerate(TARGETS):
        some = images[k::len(TARGETS)]
        maps = {layer: program(network, ["-e", ",".join(IDS), "-l", layer, "-t", target], some, folder)
                for layer in network.layers}
        seeds = np.zeros((len(some), 1000), np.float32)
        for n, activations in enumerate(on_tract(network.given, ["logits", *names], some.numpy(), seeds, folder)):
            own = peers_maps(network, network.model, some[n], target, None, IDS)
            with given(network.model, decided, activations) as masks:
                same = peers_maps(network, network.model, some[n], target, None, IDS)
            flips.append((masks.flipped, masks.farthest))
            for layer, id in same:
                found, untrusted = maps[layer]
                if (n, id) not in untrusted:
                    raw.setdefault((layer, id), []).append(off(found[n, id], own[layer, id]))
                    masked.setdefault((layer, id), []).append(off(found[n, id], same[layer, id]))
    bad = 0
    for (layer, id), errors in masked.items():
        over = max(errors) > limit_of(id)
        bad += over
        print(f"{network.name:12} {layer:20} {id:16} {len(errors):3} maps  own masks {np.median(raw[layer, id]):.1e} {max(raw[layer, id]):.1e}"
              f"  camtui's masks {np.median(errors):.1e} {max(errors):.1e}{' !' * over}", flush=True)
    counts, far = zip(*flips)
    print(f"{network.name:12} units that differ: median {np.median(counts):.0f}, most {max(counts)}; the farthest {max(far):.1e} root "
          "mean squares from its edge")
    return bad


def main():
    bad = 0
    for name in sys.argv[1:] or ["vgg11", "densenet121"]:
        with tempfile.TemporaryDirectory() as folder:
            bad += check(networks.Network(name, folder), folder)
    sys.exit(int(bad > 0))


if __name__ == "__main__":
    main()
