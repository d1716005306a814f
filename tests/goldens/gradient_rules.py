"""Checks each differentiation rule in f64 against PyTorch's autograd, and writes the goldens of `cargo test`.

Each case is a small seeded network of double tensors. camtui differentiates it, ONNX's reference evaluator runs the result,
and autograd differentiates the same network run in PyTorch. Every gradient must agree to a relative 1e-9
(|a-b|/|b|), for a batch of two and for one of one; the file must grow by nodes only.

Needs from PyPI: torch, numpy, onnx. Run from the repository's root:

    cargo build --release -p xtask
    python tests/goldens/gradient_rules.py

Writes data/rules/NAME.onnx (the network) and data/rules/NAME.safetensors (image, seed, logits and gradients).

    python tests/goldens/gradient_rules.py --random 40

Draws 40 networks of each family in rule_families.py (other shapes, attributes, opsets 11 to 21) instead. Without --no-write,
the first `KEPT` of each family become goldens too, with the gradient of the image alone.
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

import onnx_in_torch
import tensors
from rule_families import FAMILIES

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "data" / "rules"
TOLERANCE = 1e-9
KEPT = 2
CLASSES = 3


class ConvTranspose(OpRun):
    """The operator by its definition: ONNX's own reference mixes up groups of several channels (onnx 1.23)."""

    op_domain = ""

    def _run(self, x, w, b=None, group=None, strides=None, dilations=None, pads=None, output_padding=None,
             kernel_shape=None, auto_pad=None, output_shape=None):
        (batch, channels, *size), (_, outputs, *kernel) = x.shape, w.shape
        rank, group = len(size), group or 1
        strides, dilations = strides or [1] * rank, dilations or [1] * rank
        more, pads = output_padding or [0] * rank, pads or [0] * 2 * rank
        full = [s * (n - 1) + d * (k - 1) + 1 + m for s, n, d, k, m in zip(strides, size, dilations, kernel, more)]
        if (auto_pad or "NOTSET").startswith("SAME"):
            total = [f - n * s for f, n, s in zip(full, size, strides)]
            half, rest = [t // 2 for t in total], [t - t // 2 for t in total]
            pads = half + rest if auto_pad == "SAME_UPPER" else rest + half
        y = np.zeros((batch, group * outputs, *full))
        inputs = channels // group
        for g in range(group):
            part = slice(g * inputs, (g + 1) * inputs)
            for at in np.ndindex(*kernel):
                there = tuple(slice(k * d, k * d + s * (n - 1) + 1, s) for k, d, s, n in zip(at, dilations, strides, size))
                y[(slice(None), slice(g * outputs, (g + 1) * outputs), *there)] += np.einsum(
                    "ni...,io->no...", x[:, part], w[(part, slice(None), *at)])
        inside = tuple(slice(pads[i], full[i] - pads[rank + i]) for i in range(rank))
        y = y[(slice(None), slice(None), *inside)]
        return ((y if b is None else y + b.reshape(-1, *[1] * rank)).astype(x.dtype),)


class Erf(OpRun):
    """In double precision: ONNX's own reference rounds to single."""

    op_domain = ""

    def _run(self, x):
        return (np.vectorize(math.erf, otypes=[x.dtype])(x),)


def torch_op(operator, opset):
    """An operator of the *forward* part that ONNX's reference gets wrong, or lacks, in the PyTorch that judges it."""
    def _run(self, *inputs, **_):
        attributes = {a.name: helper.get_attribute_value(a) for a in self.onnx_node.attribute} | dict(opset=opset)
        return (onnx_in_torch.OPERATORS[operator]([i if i is None else torch.tensor(i) for i in inputs], attributes).numpy(),)
    return type(operator, (OpRun,), {"op_domain": "", "_run": _run})


class Network:
    """A network under construction: each method appends a node and returns its output's name."""

    def __init__(self, name, channels=2, height=7, width=6, batch="N", opset=17):
        self.rng = np.random.default_rng(sum(name.encode()))
        self.nodes, self.weights, self.layers = [], [], []
        self.picture, self.batch, self.opset = [channels, height, width], batch, opset
        self.need_batch_of_one = False

    def weight(self, *shape, low=-1.0, high=1.0):
        return self.constant(self.rng.uniform(low, high, shape))

    def constant(self, values):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def op(self, operator, *inputs, tap=True, **attributes):
        return self.several(operator, 1, *inputs, tap=tap, **attributes)[0]

    def several(self, operator, outputs, *inputs, tap=True, **attributes):
        name = f"{operator.lower()}{len(self.nodes)}"
        names = [name] + [f"{name}.{n}" for n in range(1, outputs)]
        self.nodes.append(helper.make_node(operator, list(inputs), names, name=name, **attributes))
        if tap:
            self.layers += names
        return names

    def with_axes(self, operator, x, axes, since, **attributes):
        """Axes are an attribute before opset `since` and an input from then on."""
        if self.opset < since:
            return self.op(operator, x, axes=axes, **attributes)
        return self.op(operator, x, self.constant(np.array(axes, np.int64)), **attributes)

    def spread(self, x, rank):
        """The value with its positions in one row, or in three axes."""
        c, (h, w) = self.shape(x)[0], self.picture[1:]
        return x if rank == 2 else self.op("Reshape", x, self.constant([0, c, h * w] if rank == 1 else [0, c, h, w, 1]), tap=False)

    def folded(self, rng):
        return self.spread("picture", int(rng.integers(1, 4)))

    def ending(self, x):
        """One linear layer over everything, whatever the shape."""
        size = int(np.prod(self.shape(x)))
        return self.op("MatMul", self.op("Reshape", x, self.constant([-1, size]), tap=False), self.weight(size, CLASSES), tap=False)

    def shape(self, value):
        image = torch.zeros([1] + self.picture, dtype=torch.float64)
        return list(onnx_in_torch.run(self.model(value), image)[value].shape)[1:]

    def head(self, x):
        """Weighs every position differently, so that no gradient is even, then one linear layer."""
        shape = self.shape(x)
        x = self.op("Mul", x, self.weight(*shape), tap=False)
        x = self.op("GlobalAveragePool", x, tap=False)
        x = self.op("Flatten", x, tap=False)
        return self.op("Gemm", x, self.weight(CLASSES, shape[0]), transB=1, tap=False)

    def conv(self, x, inputs, outputs, kernel, group=1, bias=False, **attributes):
        w = [self.weight(outputs, inputs // group, *kernel)] + ([self.weight(outputs)] if bias else [])
        return self.op("Conv", x, *w, kernel_shape=kernel, group=group, **attributes)

    def batch_norm(self, x, channels):
        scale, shift, mean = self.weight(channels), self.weight(channels), self.weight(channels)
        return self.op("BatchNormalization", x, scale, shift, mean, self.weight(channels, low=0.5, high=2.0))

    def model(self, output):
        needed, nodes, active = {output}, [], {"picture"}
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                nodes.insert(0, node)
        for node in nodes:
            active.update(node.output if active.intersection(node.input) else [])
        graph = helper.make_graph(
            nodes, "rules",
            [helper.make_tensor_value_info("picture", TensorProto.DOUBLE, [self.batch] + self.picture)],
            [helper.make_tensor_value_info(output, TensorProto.DOUBLE, None)],
            [w for w in self.weights if w.name in needed],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=10 if self.opset > 17 else 8)
        layers = [dict(name=f"at.{n}", value=n, shape=[], gradient=False) for n in self.layers if n in active]
        metadata = dict(name="rules", source_sha256="", classes=CLASSES, recipe=None, layers=layers,
                        default_layer=None, head=None)
        helper.set_model_props(model, {"camtui.model": json.dumps(metadata), "camtui.labels": "[]"})
        return model


CASES = {}


def case(**options):
    """Registers a case; `options` go to Network, and `levels` draws the picture from few values, so that they tie."""
    def register(build):
        CASES[build.__name__] = (build, options)
        return build
    return register


@case()
def conv(n):
    return n.head(n.conv("picture", 2, 3, [3, 3], pads=[1, 1, 1, 1], bias=True))


@case()
def conv_twice(n):
    return n.head(n.conv(n.conv("picture", 2, 3, [3, 3], pads=[1, 0, 1, 0]), 3, 2, [2, 3]))


@case()
def conv_uneven_padding(n):
    return n.head(n.conv("picture", 2, 3, [3, 2], pads=[2, 0, 1, 1]))


@case()
def conv_dilated(n):
    return n.head(n.conv("picture", 2, 3, [3, 2], dilations=[2, 3], pads=[2, 1, 1, 3]))


@case()
def conv_strided_odd(n):
    return n.head(n.conv("picture", 2, 3, [3, 3], strides=[2, 2], pads=[1, 1, 1, 1]))


@case(height=8, width=9)
def conv_strided_dilated_uneven(n):
    return n.head(n.conv("picture", 2, 3, [3, 2], strides=[3, 2], dilations=[1, 2], pads=[0, 2, 1, 1]))


@case()
def conv_stride_of_one_axis(n):
    return n.head(n.conv("picture", 2, 3, [3, 3], strides=[1, 2], pads=[1, 1, 1, 1]))


@case()
def conv_pointwise_strided(n):
    return n.head(n.conv("picture", 2, 3, [1, 1], strides=[2, 2]))


@case()
def conv_padded_beyond_its_reach(n):
    return n.head(n.conv("picture", 2, 3, [1, 2], pads=[1, 0, 0, 2]))


@case(channels=4)
def conv_grouped(n):
    return n.head(n.conv("picture", 4, 6, [3, 3], group=2, pads=[1, 1, 1, 1]))


@case(channels=4)
def conv_grouped_strided(n):
    return n.head(n.conv("picture", 4, 6, [3, 2], group=2, strides=[2, 2], pads=[1, 0, 1, 1]))


@case(channels=3)
def conv_depthwise(n):
    return n.head(n.conv("picture", 3, 3, [3, 3], group=3, pads=[1, 1, 1, 1]))


@case(channels=3)
def conv_depthwise_strided(n):
    return n.head(n.conv("picture", 3, 3, [3, 3], group=3, strides=[2, 2], pads=[0, 0, 1, 1]))


@case()
def conv_depthwise_multiplied(n):
    return n.head(n.conv("picture", 2, 6, [2, 3], group=2, pads=[1, 1, 1, 1]))


@case()
def conv_same_upper(n):
    return n.head(n.conv("picture", 2, 3, [3, 3], strides=[2, 2], auto_pad="SAME_UPPER"))


@case()
def conv_same_lower(n):
    return n.head(n.conv("picture", 2, 3, [2, 3], auto_pad="SAME_LOWER"))


@case()
def batch_norm(n):
    return n.head(n.batch_norm("picture", 2))


@case(levels=5)
def relu_at_its_kink(n):
    return n.head(n.op("Relu", "picture"))


@case(levels=21)
def clip_at_its_kinks(n):
    return n.head(n.op("Clip", "picture", n.constant(np.float64(0.0)), n.constant(np.float64(6.0))))


@case(levels=5)
def clip_from_below(n):
    return n.head(n.op("Clip", "picture", n.constant(np.float64(-1.0))))


@case(levels=5)
def clip_from_above(n):
    return n.head(n.op("Clip", "picture", "", n.constant(np.float64(1.0))))


@case(levels=3)
def max_pool_ties(n):
    return n.head(n.op("MaxPool", "picture", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]))


@case(levels=3, height=8)
def max_pool_even(n):
    return n.head(n.op("MaxPool", "picture", kernel_shape=[2, 2], strides=[2, 2]))


@case(levels=3)
def max_pool_rounded_up(n):
    return n.head(n.op("MaxPool", "picture", kernel_shape=[3, 2], strides=[2, 3], ceil_mode=1))


@case(levels=3)
def max_pool_dilated(n):
    return n.head(n.op("MaxPool", "picture", kernel_shape=[2, 3], dilations=[2, 2], pads=[1, 1, 1, 1]))


@case(levels=3)
def max_pool_sparse(n):
    return n.head(n.op("MaxPool", "picture", kernel_shape=[1, 2], strides=[2, 3]))


@case(levels=3)
def max_pool_uneven(n):
    return n.head(n.op("MaxPool", "picture", kernel_shape=[3, 3], strides=[2, 1], pads=[0, 1, 2, 0]))


@case()
def average_pool(n):
    return n.head(n.op("AveragePool", "picture", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 1, 1, 1]))


@case()
def average_pool_with_padding(n):
    return n.head(n.op("AveragePool", "picture", kernel_shape=[3, 3], strides=[1, 2], pads=[1, 1, 1, 1],
                       count_include_pad=1))


@case()
def average_pool_leaving_rest(n):
    return n.head(n.op("AveragePool", "picture", kernel_shape=[2, 2], strides=[2, 4]))


@case(levels=3)
def lp_pool_of_zeros(n):
    return n.head(n.op("LpPool", "picture", kernel_shape=[1, 2], strides=[2, 1]))


@case(opset=18)
def lp_pool_dilated(n):
    return n.head(n.op("LpPool", "picture", kernel_shape=[2, 3], dilations=[2, 2], pads=[1, 1, 0, 1], p=3))


@case(opset=18)
def lp_pool_rounded_up(n):
    return n.head(n.op("LpPool", "picture", kernel_shape=[3, 2], strides=[2, 3], pads=[1, 0, 1, 1], ceil_mode=1))


@case()
def residual(n):
    x = n.conv("picture", 2, 3, [3, 3], pads=[1, 1, 1, 1])
    y = n.op("Relu", n.batch_norm(n.conv(x, 3, 3, [3, 3], pads=[1, 1, 1, 1]), 3))
    y = n.op("Add", n.batch_norm(n.conv(y, 3, 3, [3, 3], pads=[1, 1, 1, 1]), 3), x)
    return n.head(n.op("Relu", y))


@case()
def sums_that_broadcast(n):
    x = n.conv("picture", 2, 3, [3, 3])
    row = n.op("ReduceMean", x, axes=[2], keepdims=1)
    channel = n.op("GlobalAveragePool", x)
    return n.head(n.op("Sub", n.op("Add", x, row), n.op("Add", channel, n.weight(3, 1, 1))))


@case()
def products_that_broadcast(n):
    x = n.conv("picture", 2, 3, [3, 3])
    gate = n.op("Mul", n.op("GlobalAveragePool", x), n.weight(3, 1, 1))
    bound = n.op("Add", n.op("Mul", gate, gate), n.constant(np.float64(1.0)))
    return n.head(n.op("Div", n.op("Mul", x, gate), bound))


@case(channels=1, height=3, width=4)
def linear_layers(n):
    x = n.op("Gemm", n.op("Flatten", "picture"), n.weight(5, 12), transB=1)
    x = n.op("Gemm", n.op("Relu", x), n.weight(5, 4), transB=0)
    return n.op("MatMul", x, n.weight(4, CLASSES))


# tract takes alpha, beta and the summand for f32 whatever the tensors are, so `cargo test` leaves this one out.
@case(channels=1, height=3, width=4)
def gemm_scaled(n):
    x = n.op("Gemm", n.op("Flatten", "picture"), n.weight(5, 12), n.weight(5), transB=1, alpha=0.5, beta=2.0)
    return n.op("Gemm", n.op("Relu", x), n.weight(5, CLASSES), n.weight(1, CLASSES), transB=0, alpha=-1.5)


@case(channels=1, height=2, width=3, batch=2)
def gemm_of_values(n):
    x = n.op("Flatten", "picture")
    square = n.op("Gemm", x, x, transA=1)
    return n.op("MatMul", x, n.op("Gemm", square, n.op("Gemm", n.weight(CLASSES, 6), square), transB=1))


@case(channels=1, height=3, width=4)
def linear_layer_without_bias(n):
    return n.op("Gemm", n.op("Reshape", "picture", n.constant([0, -1])), n.weight(CLASSES, 12), transB=1)


@case(channels=3, height=3, width=2)
def products_of_values(n):
    a = n.op("Reshape", "picture", n.constant([-1, 3, 6]))
    square = n.op("MatMul", a, n.op("Transpose", a, perm=[0, 2, 1]))
    flat = n.op("Flatten", n.op("MatMul", n.weight(2, 3), square))
    return n.op("MatMul", flat, n.weight(6, CLASSES))


@case(channels=2, height=3, width=4)
def values_moved(n):
    x = n.op("Dropout", n.op("Transpose", n.op("Identity", "picture"), perm=[0, 3, 1, 2]))
    return n.head(n.op("Relu", n.conv(x, 4, 3, [2, 2])))


@case()
def mean_over_axes(n):
    x = n.op("ReduceMean", n.conv("picture", 2, 4, [3, 3]), axes=[2, 3], keepdims=0)
    return n.op("Gemm", x, n.weight(CLASSES, 4), transB=1)


@case()
def squeezed(n):
    x = n.op("Squeeze", n.op("GlobalAveragePool", n.conv("picture", 2, 4, [3, 3])), n.constant([2, 3]))
    return n.op("Gemm", x, n.weight(CLASSES, 4), transB=1)


@case()
def before_softmax(n):
    return n.op("Softmax", n.head(n.conv("picture", 2, 3, [3, 3])), axis=1, tap=False)


@case(height=9, width=9)
def small_cnn(n):
    x = n.op("Relu", n.batch_norm(n.conv("picture", 2, 4, [3, 3], strides=[2, 2], pads=[1, 1, 1, 1]), 4))
    x = n.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    y = n.op("Clip", n.conv(x, 4, 4, [3, 3], group=4, pads=[1, 1, 1, 1]), n.constant(0.0), n.constant(6.0))
    return n.head(n.op("Add", n.conv(y, 4, 4, [1, 1]), x))


def logits_of(model, values):
    node = next(x for x in model.graph.node if x.output[0] == model.graph.output[0].name)
    return values[node.input[0] if node.op_type == "Softmax" else node.output[0]]


def autograd(model, image, seed):
    x = torch.from_numpy(image).requires_grad_()
    values = onnx_in_torch.run(model, x)
    logits = logits_of(model, values)
    logits.backward(torch.from_numpy(seed))
    layers = json.loads(next(p.value for p in model.metadata_props if p.key == "camtui.model"))["layers"]
    expected = {"logits": logits, "gradient:image": x.grad}
    for layer in layers:
        value = values[layer["value"]]
        expected[f"activation:{layer['name']}"] = value
        if value.grad is not None:  # nothing reads the part of a split
            expected[f"gradient:{layer['name']}"] = value.grad
    return {name: value.detach().numpy() for name, value in expected.items()}


def relative(a, b):
    assert a.shape == b.shape, (a.shape, b.shape)
    if not b.any():
        return float(np.abs(a).max(initial=0.0))
    return float(np.linalg.norm((a - b).ravel()) / np.linalg.norm(b.ravel()))


def picture(n, batch, levels):
    shape = [batch] + n.picture
    if levels is None:
        return n.rng.standard_normal(shape)
    return n.rng.integers(0, levels, shape).astype(np.float64) * (0.5 if levels > 9 else 1.0) - levels // 4


# Of the forward part only: forms of pooling that ONNX's reference lacks, and constants that it rounds.
FORWARD = ["AveragePool", "BatchNormalization", "Gelu", "GlobalMaxPool", "GroupNormalization", "HardSigmoid", "HardSwish",
           "LRN", "LogSoftmax", "LpPool", "MaxPool", "Softmax"]


def check(n, logits, name, levels, differentiate):
    """Differentiates and compares; gives the worst error and the last golden."""
    model = n.model(logits)
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        source, target = f"{folder}/in.onnx", f"{folder}/out.onnx"
        onnx.save(model, source)
        command = [part.format(input=source, output=target) for part in differentiate.split()]
        told = subprocess.run(command, check=True, capture_output=True, text=True)
        assert not told.stderr, told.stderr
        differentiated = onnx.load(target)
    if not (name.startswith("group_norm") and n.opset < 21):  # deprecated, but exporters write it
        onnx.checker.check_model(differentiated)
    # ONNX's own reference knows no negative padding; no backward pass has any.
    forward = FORWARD + (["Pad"] if name.startswith("pad") else [])
    evaluator = ReferenceEvaluator(differentiated, new_ops=[ConvTranspose, Erf] + [torch_op(o, n.opset) for o in forward])
    batches = [n.batch] if isinstance(n.batch, int) else [1] if n.need_batch_of_one else [2, 1]
    for batch in batches:
        image, seed = picture(n, batch, levels), n.rng.standard_normal((batch, CLASSES))
        expected = autograd(model, image, seed)
        names = [o.name for o in differentiated.graph.output]
        assert set(names) == set(expected), (sorted(names), sorted(expected))
        for output, found in zip(names, evaluator.run(names, {"image": image, "seed": seed})):
            error = relative(found, expected[output])
            worst = max(worst, error) if error == error else error
            if not error <= TOLERANCE:
                print(f"  {name}: {output} is off by {error:.1e} (batch {batch})")
    return worst, model, {"image": image, "seed": seed} | {k: v for k, v in expected.items() if not k.startswith("activation:")}


def keep(name, model, golden):
    OUT.mkdir(parents=True, exist_ok=True)
    onnx.save(model, OUT / f"{name}.onnx")
    tensors.save(OUT / f"{name}.safetensors", golden)


def named(name, arguments):
    build, options = CASES[name]
    options = dict(options)
    levels = options.pop("levels", None)
    n = Network(name, **options)
    worst, model, golden = check(n, build(n), name, levels, arguments.differentiate)
    if not arguments.no_write:
        keep(name, model, golden)
    return worst


def drawn(name, number, arguments):
    build, low, high, ties = FAMILIES[name]
    rng = np.random.default_rng([sum(name.encode()), number])
    sizes = dict(channels=int(rng.integers(1, 4)), height=int(rng.integers(3, 7)), width=int(rng.integers(3, 7)))
    n = Network(f"{name} {number}", opset=int(rng.integers(low, high + 1)), **sizes)
    logits = n.ending(build(n, rng))
    if number < KEPT:
        n.layers = []
    levels = 5 if ties and number % 2 else None
    worst, model, golden = check(n, logits, f"{name} {number} (opset {n.opset})", levels, arguments.differentiate)
    if number < KEPT and not arguments.no_write:
        keep(f"random_{name}_{number}", model, golden)
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--differentiate", default="target/release/xtask differentiate {input} -o {output}")
    parser.add_argument("--no-write", action="store_true", help="leave the goldens as they are")
    parser.add_argument("--random", type=int, metavar="COUNT", help="draw this many networks of each family")
    parser.add_argument("--first", type=int, default=0, help="the number of the first draw")
    parser.add_argument("cases", nargs="*", help="cases, or families with --random; all of them by default")
    arguments = parser.parse_args()
    draws = range(arguments.first, arguments.first + arguments.random) if arguments.random else [None]
    failed = total = 0
    for name in arguments.cases or (FAMILIES if arguments.random else CASES):
        errors = []
        for number in draws:
            try:
                errors.append(named(name, arguments) if number is None else drawn(name, number, arguments))
            except subprocess.CalledProcessError as error:
                print(f"  {name} {number}: {error.stderr.splitlines()[0]}")
                errors.append(float("inf"))
            except Exception as error:
                print(f"  {name} {number}: {type(error).__name__}: {error}")
                errors.append(float("inf"))
        bad = sum(not e <= TOLERANCE for e in errors)
        failed, total = failed + bad, total + len(errors)
        print(f"{'BAD' if bad else 'ok '} {name:32} {max(errors):.1e}" + (f" ({bad} of {len(errors)})" if bad else ""), flush=True)
    print(f"{total} cases")
    sys.exit(f"{failed} of {total} cases are off" if failed else 0)


if __name__ == "__main__":
    main()
