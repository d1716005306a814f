"""Checks the gradients of torchvision's and timm's networks, exported by both of PyTorch's exporters, against PyTorch.

Each network gets random weights (torch.manual_seed), with batch norms calmed so that rounding is not magnified, is exported
with an open batch, differentiated by camtui, and compared with PyTorch's autograd as |a-b|/|b|:

- in single precision, run in ONNX Runtime and by camtui on tract: logits, the last layer of each resolution and the picture;
  the median over the inputs counts. Behind ReLUs it cannot be better than PyTorch's own rounding, which stands beside;
- in double precision, the operators of both graphs one by one in PyTorch: the exported gradients at every layer and at the
  picture against autograd through the file's own graph, on one input. What is left is that
  camtui writes constants (1/n of a mean) in single precision.

Needs from PyPI: torch, torchvision, timm, onnx, onnxscript, onnxruntime, numpy. Run from the repository's root:

    cargo build --release -p xtask
    python tests/goldens/model_zoo.py [NETWORK ...] [--exporter torchscript|dynamo] [--inputs 20] [--write]

With --write the rows go into docs/models.md.
"""

import argparse
import copy
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
import torchvision

from in_double import against_autograd
from runtimes import XTASK, on_tract, relative

warnings.filterwarnings("ignore")

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/models.md"
NETWORKS = ["resnet18", "squeezenet1_1", "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x0_5", "mnasnet0_5", "resnet50",
            "densenet121", "googlenet", "efficientnet_b0", "regnet_y_400mf", "convnext_tiny", "inception_v3", "vgg16", "vit_b_16",
            "mobilenet_v3_large", "timm/ghostnet_100", "timm/resnest14d", "timm/tf_efficientnetv2_b0"]


def network(name):
    torch.manual_seed(1)
    options = dict(init_weights=True, aux_logits=True) if name in ("googlenet", "inception_v3") else {}
    if name.startswith("timm/"):
        import timm
        model = timm.create_model(name.removeprefix("timm/"), pretrained=False).eval()
    else:
        model = getattr(torchvision.models, name)(weights=None, **options).eval()
    generator = torch.Generator().manual_seed(2)
    for key, value in model.named_buffers():
        if key.endswith("running_var"):
            value.uniform_(0.8, 1.5, generator=generator)
        elif key.endswith("running_mean"):
            value.uniform_(-0.2, 0.2, generator=generator)
    if name in ("googlenet", "inception_v3"):
        # As initialised their maps are flat to within rounding, and then rounding chooses the maxima of windows.
        for module in model.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
    for key, value in model.named_parameters():
        if key.endswith("layer_scale"):
            value.data.fill_(0.3)
        if key == "heads.head.weight":
            value.data.normal_(0.0, 0.05, generator=generator)
    return model


def export(model, image, path, exporter):
    if exporter == "dynamo":
        torch.onnx.export(model, (image,), path, dynamo=True, external_data=False, verbose=False,
                          dynamic_shapes=({0: torch.export.Dim("batch")},) if DYNAMIC else None)
    else:
        torch.onnx.export(model, (image,), path, dynamo=False, opset_version=17, input_names=["x"], output_names=["y"],
                          dynamic_axes={"x": {0: "n"}, "y": {0: "n"}} if DYNAMIC else None)


DYNAMIC = True


def modules(model):
    """Modules that are called once and whose output is one tensor: by name."""
    return {name: m for name, m in model.named_modules() if name}


def autograd(model, image, seed, names):
    kept, hooks = {}, []
    for name, module in modules(model).items():
        if name not in names:
            continue

        def keep(_module, _inputs, output, name=name):
            if not torch.is_tensor(output):
                return None
            output.retain_grad()
            kept[name] = None if name in kept else output  # called twice: camtui's layer is one of the calls
            return output.clone()  # many ReLUs work in place

        hooks.append(module.register_forward_hook(keep))
    x = image.clone().requires_grad_()
    logits = model(x)
    logits.backward(seed)
    for hook in hooks:
        hook.remove()
    kept = {n: v for n, v in kept.items() if v is not None and v.grad is not None}
    return logits.detach().numpy(), x.grad.numpy(), {n: (v.detach().numpy(), v.grad.numpy()) for n, v in kept.items()}


def as_layer(value, shape):
    """What PyTorch computes, in the shape of camtui's layer: tokens behind others and channels at the end are folded into a picture."""
    if value.ndim == 3 and len(shape) == 4:
        before = value.shape[1] - shape[2] * shape[3]
        return value[:, before:].transpose(0, 2, 1).reshape(shape) if before >= 0 and value.shape[2] == shape[1] else value
    if value.shape != shape and value.ndim == 4 and value.transpose(0, 3, 1, 2).shape == shape:
        return value.transpose(0, 3, 1, 2)
    return value


def options():
    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 3
    return quiet


def candidates(taps, values):
    """Of the layers that hold a module's value, the last at each spatial resolution (of tokens: each length)."""
    chosen = {}
    for tap in taps:
        shape = values[tap].shape
        if len(shape) > 2 and max(shape[2:] if len(shape) == 4 else shape[1:2]) > 1:
            chosen[shape[2:] if len(shape) == 4 else shape[1:2]] = tap
    return list(chosen.values())[-6:]


class Errors:
    """Relative errors by output, one an input."""

    def __init__(self):
        self.found = {}

    def add(self, output, a, b):
        self.found.setdefault(output, []).append(relative(a, b))

    def median(self, kind):
        """The worst output's median."""
        return max((np.median(v) for o, v in self.found.items() if o.startswith(kind)), default=np.nan)

    def worst(self, kind):
        return max((max(v) for o, v in self.found.items() if o.startswith(kind)), default=np.nan)


class Network:
    """A network, its inputs and what PyTorch says of them."""

    def __init__(self, name, inputs):
        self.name, self.model, self.side = name, network(name), 299 if name == "inception_v3" else 224
        self.double = copy.deepcopy(self.model).double()
        generators = [torch.Generator().manual_seed(10 + n) for n in range(inputs)]
        self.images = torch.cat([torch.randn(1, 3, self.side, self.side, generator=g) for g in generators])
        self.seeds = torch.zeros(inputs, 1000)
        for n in range(inputs):
            self.seeds[n, n * 37] = 1.0
        self.names = set(modules(self.model))
        self.values = self.on(0, self.names)[2]
        self.rounding = None

    def on(self, n, names):
        return autograd(self.model, self.images[n:n + 1], self.seeds[n:n + 1], names)

    def f32_to_f64(self):
        """How far the picture's gradient in PyTorch's single precision is from its double: the median."""
        if self.rounding is None:
            pairs = [(self.on(n, set())[1], autograd(self.double, self.images[n:n + 1].double(),
                                                     self.seeds[n:n + 1].double(), set())[1]) for n in range(len(self.images))]
            self.rounding = float(np.median([relative(a, b) for a, b in pairs]))
        return self.rounding


def check(net, exporter, folder):
    """A row of the table, and the forward graph's operators."""
    forward, target = f"{folder}/forward.onnx", f"{folder}/gradients.onnx"
    export(net.model, torch.randn(2 if DYNAMIC else 1, 3, net.side, net.side), forward, exporter)
    told = subprocess.run(XTASK + ["differentiate", forward, "-o", target], capture_output=True, text=True)
    if told.returncode or told.stderr:
        print("   ", "\n    ".join(line[:200] for line in told.stderr.splitlines()[:4]))
    told.check_returncode()
    grown = os.path.getsize(target) / os.path.getsize(forward) - 1
    outputs = [o.name for o in onnx.load(target, load_external_data=False).graph.output]
    layers = [o.split(":", 1)[1] for o in outputs if o.startswith("gradient:") and o != "gradient:image"]
    taps = [l for l in layers if l in net.names]

    images, seeds = net.images.numpy(), net.seeds.numpy()
    exact, count = against_autograd(forward, target, images[:1], seeds[:1])

    # Where the exporter folded a batch norm the convolution's name holds the normalised value.
    values = net.values
    session = onnxruntime.InferenceSession(target, options())
    found = dict(zip(taps, session.run([f"activation:{l}" for l in taps], {"image": images[:1], "seed": seeds[:1]})))
    def same(layer):
        if layer not in values:
            return False
        value = as_layer(values[layer][0], found[layer].shape)
        return found[layer].shape == value.shape and relative(found[layer], value) < 1e-2

    chosen = candidates([l for l in taps if same(l)], found)

    # The last layer of each resolution and the picture, in single precision, on both runtimes.
    asked = ["logits", "gradient:image"] + [f"{kind}:{l}" for l in chosen for kind in ("activation", "gradient")]
    ort, tract = Errors(), Errors()
    for n, on_camtui in enumerate(on_tract(forward, asked, images, seeds, folder)):
        logits, gradient, values = net.on(n, set(chosen))
        expected = {"logits": logits, "gradient:image": gradient}
        for tap in chosen:
            expected[f"activation:{tap}"], expected[f"gradient:{tap}"] = (as_layer(v, found[tap].shape) for v in values[tap])
        on_ort = dict(zip(asked, session.run(asked, {"image": images[n:n + 1], "seed": seeds[n:n + 1]})))
        for errors, got in ((ort, on_ort), (tract, on_camtui)):
            for output in asked:
                errors.add(output, got[output], expected[output])
    both = lambda kind: f"{ort.median(kind):.0e} / {tract.median(kind):.0e}"
    worst = max(ort.median(kind) for kind in ("logits", "activation", "gradient"))
    cells = [net.name.removeprefix("timm/"), exporter, len(images), both("logits"), both("activation"),
             both("gradient:"), f"{ort.median('gradient:image'):.0e} / {tract.median('gradient:image'):.0e}",
             f"{ort.worst('gradient'):.0e} / {tract.worst('gradient'):.0e}", f"{net.f32_to_f64():.0e}",
             f"{exact:.0e} ({count})", f"{grown:+.2%}".replace("-", "−")]
    row = "| " + " | ".join(str(c) for c in cells) + " |"
    good = exact < 1e-7 and (worst < 1e-4 or worst < 3 * net.f32_to_f64())
    print(f"{'ok ' if good else 'BAD'} {row}\n    {', '.join(chosen)}", flush=True)
    return row, {n.op_type for n in onnx.load(forward).graph.node}


def between(text, mark):
    start, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
    return text.index(start) + len(start), text.index(end)


def put(mark, head, rows, key):
    """Replaces these rows of the table, and leaves the others."""
    text = PAGE.read_text()
    begin, end = between(text, mark)
    name = lambda row: tuple(cell.strip() for cell in row.split("|")[1:1 + key])
    kept = {name(row): row for row in text[begin:end].splitlines()[2:]}
    kept |= {name(row): row for row in rows}
    PAGE.write_text(text[:begin] + "\n".join([*head, *kept.values()]) + "\n" + text[end:])


HEAD = ["network", "exporter", "inputs", "logits", "activations", "gradients", "of the picture", "worst gradient",
        "PyTorch f32 to f64", "in f64 (layers)", "file grows by"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--exporter", choices=["torchscript", "dynamo"], action="append")
    parser.add_argument("--inputs", type=int, default=20)
    parser.add_argument("--fixed", action="store_true", help="export for a batch of one")
    parser.add_argument("--write", action="store_true", help="put what was found into docs/models.md")
    arguments = parser.parse_args()
    global DYNAMIC
    DYNAMIC = not arguments.fixed
    for name in arguments.networks:
        net, operators = Network(name, arguments.inputs), set()
        for exporter in arguments.exporter or ["torchscript", "dynamo"]:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    row, found = check(net, exporter, folder)
                except Exception as error:
                    print(f"BAD {name} {exporter}: {type(error).__name__}: {str(error)[:300]}", flush=True)
                    continue
            operators |= found
            if arguments.write:
                table = lambda head: ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
                put("measured", table(HEAD), [row], 2)
                put("operators", table(["network", "operators"]),
                    [f"| {name.removeprefix('timm/')} | {', '.join(sorted(operators))} |"], 1)


if __name__ == "__main__":
    main()
