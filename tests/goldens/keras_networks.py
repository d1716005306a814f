"""Checks the gradients of Keras networks that tf2onnx exported, NHWC, against TensorFlow.

Each network gets random weights (keras.utils.set_random_seed), is exported with an open batch, differentiated by camtui, and
run in ONNX Runtime and by camtui on tract. camtui's input is [N, 3, H, W] whatever the file's is. Compared as |a-b|/|b| with
TensorFlow's tape: logits, the gradient at the picture, and values and gradients of those layers of the file that hold a Keras
layer's value; the median over the inputs counts.

Needs from PyPI: tensorflow-cpu, tf2onnx, onnx, onnxruntime, numpy. Run from the repository's root:

    cargo build --release -p xtask
    python tests/goldens/keras_networks.py [NETWORK ...] [--inputs 20]
"""

import argparse
import os
import subprocess
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
import tf2onnx

from runtimes import XTASK, on_tract, relative

NETWORKS = ["MobileNetV2", "ResNet50V2", "DenseNet121"]
SIDE = 224


def network(name):
    keras.utils.set_random_seed(1)
    model = getattr(keras.applications, name)(weights=None, classifier_activation=None)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(np.random.uniform(-0.2, 0.2, layer.moving_mean.shape))
            layer.moving_variance.assign(np.random.uniform(0.8, 1.5, layer.moving_variance.shape))
    return model


def nchw(array):
    array = np.asarray(array)
    return array.transpose(0, 3, 1, 2) if array.ndim == 4 else array


def tape(model, watched, image, seed):
    """Logits, the picture's gradient, and (value, gradient) of each watched layer, as NCHW."""
    several = keras.Model(model.inputs, [model.output] + [model.get_layer(l).output for l in watched])
    x = tf.constant(image.transpose(0, 2, 3, 1))
    with tf.GradientTape() as record:
        record.watch(x)
        logits, *values = several(x, training=False)
        score = tf.reduce_sum(logits * seed)
    gradients = record.gradient(score, [x, *values])
    pairs = {l: (nchw(v), nchw(g)) for l, v, g in zip(watched, values, gradients[1:]) if g is not None}
    return np.asarray(logits), nchw(gradients[0]), pairs


def check(name, inputs, folder):
    model = network(name)
    forward, target = f"{folder}/forward.onnx", f"{folder}/gradients.onnx"
    signature = [tf.TensorSpec((None, SIDE, SIDE, 3), tf.float32, name="image")]
    function = tf.function(lambda x: model(x, training=False), input_signature=signature)
    tf2onnx.convert.from_function(function, input_signature=signature, opset=17, output_path=forward)
    told = subprocess.run(XTASK + ["differentiate", forward, "-o", target], capture_output=True, text=True)
    print("".join(f"    {line[:200]}\n" for line in told.stderr.splitlines()[:4]), end="")
    told.check_returncode()

    random = np.random.default_rng(3)
    images = random.standard_normal((inputs, 3, SIDE, SIDE)).astype(np.float32)
    seeds = np.zeros((inputs, 1000), np.float32)
    seeds[np.arange(inputs), np.arange(inputs) * 37] = 1.0
    outputs = [o.name for o in onnx.load(target).graph.output]
    session = onnxruntime.InferenceSession(target)
    layers = [o.split(":", 1)[1] for o in outputs if o.startswith("gradient:") and o != "gradient:image"]
    first = dict(zip(layers, session.run([f"activation:{l}" for l in layers], {"image": images[:1], "seed": seeds[:1]})))
    spatial = [l.name for l in model.layers[1:] if len(l.output.shape) == 4]
    held = {}
    for l, (value, _) in tape(model, spatial, images[:1], seeds[:1])[2].items():
        same = [n for n, v in first.items() if v.shape == value.shape and relative(v, value) < 1e-4]
        if same:
            held[value.shape[2:]] = (l, same[0])  # the last of each resolution
    held = dict(held.values())

    asked = ["logits", "gradient:image"] + [f"{kind}:{l}" for l in held.values() for kind in ("activation", "gradient")]
    errors = {who: {} for who in ("ORT", "tract")}
    for n, on_camtui in enumerate(on_tract(forward, asked, images, seeds, folder)):
        logits, gradient, pairs = tape(model, list(held), images[n:n + 1], seeds[n:n + 1])
        expected = {"logits": logits, "gradient:image": gradient}
        for l, name_there in held.items():
            expected[f"activation:{name_there}"], expected[f"gradient:{name_there}"] = pairs[l]
        on_ort = dict(zip(asked, session.run(asked, {"image": images[n:n + 1], "seed": seeds[n:n + 1]})))
        for who, found in (("ORT", on_ort), ("tract", on_camtui)):
            for output in asked:
                errors[who].setdefault(output, []).append(relative(found[output], expected[output]))
    median = lambda who, kind: max((np.median(v) for o, v in errors[who].items() if o.startswith(kind)), default=np.nan)
    kinds = ("logits", "activation", "gradient:", "gradient:image")
    figures = " | ".join(f"{median('ORT', kind):.0e} / {median('tract', kind):.0e}" for kind in kinds)
    worst = {who: max(max(v) for o, v in errors[who].items() if o.startswith("gradient")) for who in errors}
    good = max(median(who, kind) for who in errors for kind in kinds) < 1e-4
    print(f"{'ok ' if good else 'BAD'} | {name} | {inputs} | {figures} | {worst['ORT']:.0e} / {worst['tract']:.0e} |")
    print(f"    {len(layers)} layers; compared at {', '.join(held)}")
    print("    " + ", ".join(sorted({n.op_type for n in onnx.load(forward).graph.node})), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--inputs", type=int, default=20)
    arguments = parser.parse_args()
    for name in arguments.networks:
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(name, arguments.inputs, folder)
            except Exception as error:
                print(f"BAD {name}: {type(error).__name__}: {str(error)[:300]}", flush=True)


if __name__ == "__main__":
    main()
