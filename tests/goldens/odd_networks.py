"""Checks networks of unusual operators and shapes against PyTorch, exported by both of its exporters at several opsets.

Each is small, seeded and written for what it is made of; camtui differentiates the file, ONNX Runtime and tract run it, and
logits, every layer's values and gradients, and the picture's gradient are compared with PyTorch in double precision as
|a-b|/|b|. The median over the inputs counts, of the worst output; it must be within 1e-4.

Needs from PyPI: torch, onnx, onnxscript, onnxruntime, numpy. Run from the repository's root:

    cargo build --release -p xtask
    python tests/goldens/odd_networks.py [NETWORK ...] [--write]

With --write the rows go into docs/models.md.
"""

import argparse
import copy
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
import onnx.version_converter
import onnxruntime
import torch
from torch import nn
from torch.nn import functional as F

from model_zoo import autograd, options, put
from runtimes import XTASK, on_tract, relative

warnings.filterwarnings("ignore")

LIMIT = 1e-4
INPUTS = 5
CLASSES = 10
NETWORKS = {}


def network(*picture, opsets=(11, 14, 17, 18, 20, 21), exporters=("torchscript", "dynamo")):
    """Registers a network for pictures `[3, *picture]`, with the opsets that it can be exported at."""
    def register(build):
        NETWORKS[build.__name__] = (build, picture, opsets, exporters)
        return build
    return register


class Do(nn.Module):
    """A function as a module, so that it has a name."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *values):
        return self.function(*values)


def head(channels):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, CLASSES)]


@network(33, 41)
def windows():
    """Mixed kernels, dilations, groups, paddings of one side, poolings that round up."""
    return nn.Sequential(
        nn.Conv2d(3, 12, (5, 3), stride=(2, 1), padding=(1, 2), dilation=(1, 2)), nn.ELU(),
        nn.ZeroPad2d((1, 2, 0, 3)), nn.Conv2d(12, 24, 3, groups=4, dilation=2), nn.SiLU(),
        nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.Conv2d(24, 24, (1, 7), padding="same", groups=24), nn.Softsign(),
        nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False), nn.MaxPool2d((2, 3), (1, 2), dilation=(1, 2)),
        nn.Conv2d(24, 16, 1), nn.Hardswish(), *head(16))


@network(32, 32)
def activations():
    """PReLU per channel, SELU, CELU, Mish, Softplus, LeakyReLU, Hardsigmoid, GELU by tanh, GLU, LogSigmoid, Tanhshrink."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.PReLU(16, 0.3), nn.Conv2d(16, 16, 3, 2), nn.SELU(), nn.Conv2d(16, 16, 1),
        nn.CELU(0.7), nn.Conv2d(16, 16, 1), nn.Mish(), nn.Conv2d(16, 16, 1), nn.Softplus(2.0), nn.Conv2d(16, 16, 1),
        nn.LeakyReLU(0.2), nn.Conv2d(16, 16, 1), nn.Hardsigmoid(), nn.Conv2d(16, 32, 1), nn.GLU(1), nn.Conv2d(16, 16, 1),
        nn.GELU("tanh"), nn.Conv2d(16, 16, 1), nn.LogSigmoid(), nn.Conv2d(16, 16, 1), nn.Tanhshrink(), nn.Hardtanh(-0.4, 0.5),
        *head(16))


@network(24, 24)
def rearranged():
    """PixelShuffle, PixelUnshuffle, a channel shuffle, flips and rolls."""
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.up, self.down = nn.Conv2d(3, 16, 3, padding=1), nn.PixelShuffle(2), nn.PixelUnshuffle(4)
            self.mix, self.shuffle, self.last = nn.Conv2d(64, 24, 1), Do(lambda x: x.unflatten(1, (4, 6)).transpose(1, 2).flatten(1, 2)), nn.Conv2d(24, 16, 3)
            self.act = nn.GELU()
            self.end = nn.Sequential(*head(16))

        def forward(self, x):
            x = self.down(self.act(self.up(self.stem(x))))
            x = self.shuffle(self.act(self.mix(x)))
            x = torch.roll(x, (1, -2), (2, 3)) + torch.flip(x, (3,))
            return self.end(self.act(self.last(x)))
    return Net()


@network(28, 20)
def attention():
    """Attention without Einsum over pictures, LayerNorm on channels, a residual scaled by a parameter."""
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.norm = nn.Conv2d(3, 32, 4, 4), nn.LayerNorm(32)
            self.qkv, self.proj = nn.Linear(32, 96), nn.Linear(32, 32)
            self.gamma = nn.Parameter(torch.full((32,), 0.5))
            self.last, self.act, self.end = nn.Conv2d(32, 24, 3, padding=1), nn.SiLU(), nn.Sequential(*head(24))

        def forward(self, x):
            x = self.stem(x)
            n, c, h, w = x.shape
            tokens = x.flatten(2).transpose(1, 2)
            q, k, v = self.qkv(self.norm(tokens)).reshape(n, h * w, 3, 4, c // 4).permute(2, 0, 3, 1, 4).unbind(0)
            weights = (q @ k.transpose(-2, -1) * (c // 4) ** -0.5).softmax(-1)
            tokens = tokens + self.gamma * self.proj((weights @ v).transpose(1, 2).reshape(n, h * w, c))
            return self.end(self.act(self.last(tokens.transpose(1, 2).reshape(n, c, h, w))))
    return Net()


@network(20, 20)
def einsum():
    """The same products as Einsum, and a bilinear gate."""
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.act = nn.Conv2d(3, 12, 3, 2), nn.Tanh()
            self.weight = nn.Parameter(torch.randn(12, 16) * 0.3)
            self.last, self.end = nn.Conv2d(16, 16, 3), nn.Sequential(*head(16))

        def forward(self, x):
            x = self.act(self.stem(x))
            likeness = torch.einsum("nchw,nchv->nhwv", x, x).softmax(-1)
            x = x + torch.einsum("nhwv,nchv->nchw", likeness, x)
            return self.end(self.act(self.last(torch.einsum("nchw,ck->nkhw", x, self.weight))))
    return Net()


@network(29, 29)
def padded():
    """Reflection, replication and constant padding, and cutting off."""
    return nn.Sequential(
        nn.ReflectionPad2d((3, 2, 1, 4)), nn.Conv2d(3, 12, 5), nn.Tanh(), nn.ReplicationPad2d((1, 3, 2, 0)),
        nn.Conv2d(12, 12, 3), nn.Tanh(), nn.ConstantPad2d((2, 1, 0, 1), 0.25), nn.Conv2d(12, 12, 3, 2), nn.Tanh(),
        Do(lambda x: x[:, :, 1:-1, 2:]), nn.Conv2d(12, 16, 3), nn.Tanh(), *head(16))


@network(16, 24)
def upsampled():
    """Nearest and bilinear enlarging, transposed convolutions, joined with what they came from."""
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.down = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 16, 3, 2, 1)
            self.up = nn.ConvTranspose2d(16, 8, 3, 2, 1, output_padding=1)
            self.wide = nn.ConvTranspose2d(8, 8, 4, 2, 1, groups=2)
            self.last, self.act, self.end = nn.Conv2d(32, 16, 3, 2), nn.SiLU(), nn.Sequential(*head(16))

        def forward(self, x):
            a = self.act(self.stem(x))
            b = self.act(self.down(a))
            nearest = F.interpolate(b, scale_factor=2, mode="nearest")[:, :8]
            linear = F.interpolate(b, size=(16, 24), mode="bilinear", align_corners=False)[:, 8:]
            corners = F.interpolate(self.wide(a), size=(16, 24), mode="bilinear", align_corners=True)
            return self.end(self.act(self.last(torch.cat([self.up(b), nearest, linear, corners], 1))))
    return Net()


@network(26, 26)
def normed():
    """Instance, group, layer, batch and channel-wise norms, L2 normalising, standardised weights."""
    class Standardised(nn.Conv2d):
        def forward(self, x):
            mean, variance = self.weight.mean((1, 2, 3), keepdim=True), self.weight.var((1, 2, 3), keepdim=True)
            return F.conv2d(x, (self.weight - mean) / (variance + 1e-5).sqrt() * 0.1, self.bias, self.stride, self.padding)

    class Channels(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.norm = nn.LayerNorm(channels)

        def forward(self, x):
            return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    return nn.Sequential(
        nn.Conv2d(3, 16, 3), nn.InstanceNorm2d(16, affine=True), nn.Tanh(),
        nn.Conv2d(16, 16, 3), nn.GroupNorm(4, 16), nn.Tanh(), Standardised(16, 16, 3), Channels(16), nn.Tanh(),
        nn.utils.parametrizations.weight_norm(nn.Conv2d(16, 16, 3, bias=False)), nn.LayerNorm([16, 18, 18]), nn.Tanh(),
        Do(lambda x: F.normalize(x, dim=1)), nn.BatchNorm2d(16), nn.Dropout2d(0.3),
        nn.Conv2d(16, 16, 3), nn.InstanceNorm2d(16, affine=True), nn.Tanh(), nn.Conv2d(16, 16, 3), nn.Tanh(), *head(16))


# The older exporter writes an If around a squeeze, which is decided by shapes.
@network(20, 20)
def local_response():
    """Local response normalisation."""
    return nn.Sequential(nn.Conv2d(3, 16, 3), nn.Tanh(), nn.LocalResponseNorm(5, 1e-2, 0.75, 1.0), nn.Conv2d(16, 16, 3),
                         nn.Tanh(), *head(16))


@network(22, 22)
def gated():
    """Squeeze and excitation, a spatial gate of maximum and mean, selective kernels, two branches by Where, Min and Max."""
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.act = nn.Conv2d(3, 16, 3, padding=1), nn.SiLU()
            self.squeeze = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(16, 4, 1), nn.ReLU(), nn.Conv2d(4, 16, 1), nn.Hardsigmoid())
            self.spatial, self.three, self.five = nn.Conv2d(2, 1, 7, padding=3), nn.Conv2d(16, 16, 3, padding=1), nn.Conv2d(16, 16, 5, padding=2)
            self.choose, self.last, self.end = nn.Linear(16, 32), nn.Conv2d(16, 16, 3, 2), nn.Sequential(*head(16))

        def forward(self, x):
            x = self.act(self.stem(x))
            x = x * self.squeeze(x)
            gate = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], 1)
            x = x * self.spatial(gate).sigmoid()
            a, b = self.three(x), self.five(x)
            weights = self.choose((a + b).mean((2, 3))).reshape(-1, 2, 16).softmax(1)[..., None, None]
            x = a * weights[:, 0] + b * weights[:, 1]
            x = torch.where(a > b, x, 0.3 * b) + torch.minimum(a, b) - torch.maximum(a, x) * 0.5
            return self.end(self.act(self.last(x.clamp(-2, 2))))
    return Net()


@network(20, 30)
def arithmetic():
    """Powers, roots, logarithms, sines, cumulative sums, generalised-mean pooling, a logarithm of softmax at the end."""
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.mid, self.last = nn.Conv2d(3, 12, 3), nn.Conv2d(12, 12, 3), nn.Conv2d(12, 12, 3)
            self.p, self.end = nn.Parameter(torch.tensor(3.0)), nn.Linear(12, CLASSES)

        def forward(self, x):
            x = self.stem(x)
            x = torch.sin(x) + torch.cos(0.5 * x) * torch.atan(x)
            x = self.mid(x)
            x = torch.sign(x) * torch.log1p(x.abs()) + torch.rsqrt(x * x + 1.0) - torch.exp(-x.square())
            x = x / (1.0 + x.abs().sum(1, keepdim=True)) + x.std(1, keepdim=True, unbiased=False) + 0.1 * torch.cumsum(x, 3)
            x = self.last(x)
            x = x.clamp(min=1e-3).pow(self.p).mean((2, 3)).pow(1.0 / self.p) + torch.logsumexp(x, (2, 3)) + x.norm(dim=(2, 3))
            return F.log_softmax(self.end(x), 1)
    return Net()


@network(32, 24)
def one_dimensional():
    """Convolutions, poolings and recurrent-free mixing along rows only, and along a picture made one row."""
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.act = nn.Conv2d(3, 8, 3, 2), nn.GELU()
            self.along = nn.Sequential(nn.Conv1d(8, 16, 5, 2, 2), nn.BatchNorm1d(16), nn.SiLU(), nn.MaxPool1d(3, 2), nn.AvgPool1d(2),
                                       nn.Conv1d(16, 16, 3, dilation=3, groups=4), nn.Tanh(), nn.ConvTranspose1d(16, 12, 3, 2), nn.Tanh())
            self.pool, self.end = nn.AdaptiveMaxPool1d(1), nn.Linear(12, CLASSES)

        def forward(self, x):
            x = self.act(self.stem(x))
            return self.end(self.pool(self.along(x.flatten(2))).squeeze(-1))
    return Net()


@network(28, 28)
def pooled_otherwise():
    """Adaptive pooling to several places, a global maximum of any size, Lp pooling, softmax pooling, a head of convolutions."""
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.act = nn.Conv2d(3, 16, 3, padding=1), nn.SiLU()
            self.lp, self.adaptive = nn.LPPool2d(2, 2), nn.AdaptiveAvgPool2d((7, 2))
            self.maximum, self.whole = nn.AdaptiveMaxPool2d(1), nn.MaxPool2d((14, 14))
            self.weight, self.end = nn.Conv2d(16, 1, 1), nn.Conv2d(16 * 5, CLASSES, 1)

        def forward(self, x):
            x = self.act(self.stem(x))
            small = self.lp(x.abs() + 0.1)
            softly = (self.weight(small).flatten(2).softmax(-1) * small.flatten(2)).sum(-1)[..., None, None]
            places = self.adaptive(small)
            joined = torch.cat([self.maximum(x), self.whole(small), softly, places.mean((2, 3), keepdim=True), places[:, :, 3:4, 1:]], 1)
            return self.end(joined).flatten(1)
    return Net()


@network(24, 24)
def picked():
    """Elements picked by constant indices, tiled, stacked, split unevenly, repeated, made triangular; indices by a maximum."""
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.act, self.last = nn.Conv2d(3, 12, 3, 2), nn.Tanh(), nn.Conv2d(20, 16, 3)
            self.register_buffer("order", torch.tensor([3, 1, 1, 0, 7, 11, 5, 2]))
            self.end = nn.Sequential(*head(16))

        def forward(self, x):
            x = self.act(self.stem(x))
            a, b = x.split([5, 7], 1)
            picked = x[:, self.order]
            stacked = torch.stack([a, b[:, :5]], 2).flatten(1, 2)
            tiled = x[:, :1].repeat(1, 2, 1, 1)
            lower = torch.tril(picked) + torch.triu(picked, 2)
            best = x.max(1, keepdim=True).values * (x.argmax(1, keepdim=True) > 3)
            grown = torch.cat([lower, stacked, tiled * best], 1)
            return self.end(self.act(self.last(grown)))
    return Net()


def seeded(build):
    torch.manual_seed(3)
    model = build().eval()
    generator = torch.Generator().manual_seed(2)
    for key, value in model.named_buffers():
        if key.endswith("running_var"):
            value.uniform_(0.8, 1.5, generator=generator)
        elif key.endswith("running_mean"):
            value.uniform_(-0.2, 0.2, generator=generator)
    return model


def export(model, picture, path, exporter, opset):
    image = torch.randn(2, *picture)
    if exporter == "dynamo":
        torch.onnx.export(model, (image,), path, dynamo=True, external_data=False, verbose=False, opset_version=opset,
                          dynamic_shapes=({0: torch.export.Dim("batch")},))
    else:
        torch.onnx.export(model, (image,), path, dynamo=False, opset_version=min(opset, 20), input_names=["x"], output_names=["y"],
                          dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})
        if opset > 20:
            onnx.save(onnx.version_converter.convert_version(onnx.load(path), opset), path)


def check(name, exporter, opset, folder):
    build, extents, *_ = NETWORKS[name]
    model, picture = seeded(build), (3, *extents)
    double = copy.deepcopy(model).double()
    forward, target = f"{folder}/forward.onnx", f"{folder}/gradients.onnx"
    try:
        export(model, picture, forward, exporter, opset)
    except Exception as error:
        print(f"--  {name} {exporter} {opset}: PyTorch cannot export it: {type(error).__name__}: {str(error)[:120]!r}", flush=True)
        return None
    found_opset = onnx.load(forward).opset_import[0].version
    told = subprocess.run(XTASK + ["differentiate", forward, "-o", target], capture_output=True, text=True)
    if told.returncode or told.stderr:
        print("   ", "\n    ".join(line[:200] for line in told.stderr.splitlines()[:4]))
    told.check_returncode()
    outputs = [o.name for o in onnx.load(target).graph.output]
    images = torch.randn(INPUTS, *picture, generator=torch.Generator().manual_seed(5))
    seeds = torch.randn(INPUTS, CLASSES, generator=torch.Generator().manual_seed(6))
    # Gradients are taken before a softmax at the end.
    if name == "arithmetic":
        double = copy.deepcopy(double)
        log_softmax, F.log_softmax = F.log_softmax, lambda x, _axis: x
    try:
        modules = {n for n, _ in double.named_modules() if n}
        expected = [autograd(double, images[n:n + 1].double(), seeds[n:n + 1].double(), modules) for n in range(INPUTS)]
    finally:
        if name == "arithmetic":
            F.log_softmax = log_softmax
    kept = expected[0][2]
    layers = [o.split(":", 1)[1] for o in outputs if o.startswith("gradient:") and o != "gradient:image"]
    session = onnxruntime.InferenceSession(target, options())
    at = lambda n: {"image": images[n:n + 1].numpy(), "seed": seeds[n:n + 1].numpy()}
    same = []
    for layer in [l for l in layers if l in kept]:
        value = session.run([f"activation:{layer}"], at(0))[0]
        if value.shape == kept[layer][0].shape and relative(value, kept[layer][0]) < 1e-2:
            same.append(layer)
    asked = ["logits", "gradient:image"] + [f"{k}:{l}" for l in same for k in ("activation", "gradient")]
    errors = {}
    tract = list(on_tract(forward, asked, images.numpy(), seeds.numpy(), folder))
    for n in range(INPUTS):
        logits, gradient, values = expected[n]
        right = {"logits": logits, "gradient:image": gradient}
        for layer in same:
            right[f"activation:{layer}"], right[f"gradient:{layer}"] = values[layer]
        ort = dict(zip(asked, session.run(asked, at(n))))
        for runtime, got in (("ort", ort), ("tract", tract[n])):
            for output in asked:
                errors.setdefault((runtime, output), []).append(relative(got[output], right[output]))
    worst = lambda runtime: max((np.median(v), o) for (r, o), v in errors.items() if r == runtime)
    (a, where), (b, _) = worst("ort"), worst("tract")
    good = max(a, b) <= LIMIT
    print(f"{'ok ' if good else 'BAD'} {name} {exporter} {opset}->{found_opset}: {a:.0e} / {b:.0e}, {len(same)} layers of {len(kept)} ({where})", flush=True)
    return good, a, b, len(same)


HEAD = ["network", "made of", "exported", "layers", "worst error"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--opset", type=int, action="append")
    parser.add_argument("--exporter", choices=["torchscript", "dynamo"], action="append")
    parser.add_argument("--write", action="store_true", help="put what was found into docs/models.md")
    arguments = parser.parse_args()
    good = True
    for name in arguments.networks:
        rows = []
        for exporter in arguments.exporter or NETWORKS[name][3]:
            for opset in arguments.opset or NETWORKS[name][2]:
                # The older exporter ends at 20, from where ONNX converts; the newer one converts down to 18 only where it can.
                if opset < 18 and exporter == "dynamo":
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    try:
                        found = check(name, exporter, opset, folder)
                    except Exception as error:
                        told = getattr(error, "stderr", None) or str(error)
                        print(f"BAD {name} {exporter} {opset}: {type(error).__name__}: {told[:400]}", flush=True)
                        good = False
                        continue
                if found:
                    good &= found[0]
                    rows.append((exporter, opset, *found[1:]))
        if rows and arguments.write:
            told = ", ".join(f"{e} {min(o for x, o, *_ in rows if x == e)}–{max(o for x, o, *_ in rows if x == e)}"
                             for e in dict.fromkeys(r[0] for r in rows))
            cells = [name, NETWORKS[name][0].__doc__.rstrip("."), told, max(r[4] for r in rows),
                     f"{max(r[2] for r in rows):.0e} / {max(r[3] for r in rows):.0e}"]
            put("odd", ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)],
                ["| " + " | ".join(str(c) for c in cells) + " |"], 1)
    sys.exit(not good)


if __name__ == "__main__":
    main()
