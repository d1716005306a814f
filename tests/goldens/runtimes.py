"""Runs camtui's exported graphs on tract, as camtui does.

Used by gradient_networks.py, model_zoo.py and keras_networks.py. Needs numpy, and `cargo build --release -p xtask`.
"""

import subprocess

import numpy as np

import tensors

XTASK = ["target/release/xtask"]


def relative(a, b):
    a, b = np.ravel(a).astype(np.float64), np.ravel(b).astype(np.float64)
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-30))


def on_tract(forward, outputs, images, rows, folder):
    """The outputs for one picture after the other. Few at a time are held: all activations of one are 25 MB."""
    pruned = f"{folder}/pruned.onnx"
    subprocess.run(XTASK + ["differentiate", forward, "-o", pruned, "--outputs", ",".join(outputs)], check=True,
                   capture_output=True)
    given, found = f"{folder}/inputs.safetensors", f"{folder}/outputs.safetensors"
    for at in range(0, len(images), 9):
        tensors.save(given, {"image": images[at:at + 9], "seed": rows[at:at + 9]})
        subprocess.run(XTASK + ["run-onnx", pruned, given, "-o", found], check=True)
        values = tensors.load(found)
        for n in range(len(images[at:at + 9])):
            yield {output: values[output][n:n + 1] for output in outputs}
