"""Checks the gradients of torchvision's and timm's networks, exported by both of PyTorch's exporters, against PyTorch.

Each network gets random weights (torch.manual_seed), with batch norms calmed so that rounding is not magnified, is exported
with an open batch, differentiated by camtui, and run in ONNX Runtime in f32. Logits, and the gradient at every tap that is a
module's value and at the picture, are compared with PyTorch's autograd as |a-b|/|b|; the median over the inputs counts.
Layers whose value is not the module's, because the exporter folded a batch norm into it, are counted, not judged.

Needs from PyPI: torch, torchvision, timm, onnx, onnxscript, onnxruntime, numpy. Run from the repository's root:

    cargo build --release -p xtask
    python tests/goldens/model_zoo.py [NETWORK ...] [--exporter torchscript|dynamo] [--inputs 5]
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
import torchvision

warnings.filterwarnings("ignore")

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


def relative(a, b):
    a, b = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-30))


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


def check(name, exporter, inputs, folder):
    model = network(name)
    side = 299 if name == "inception_v3" else 224
    forward, target = f"{folder}/forward.onnx", f"{folder}/gradients.onnx"
    export(model, torch.randn(1 if not DYNAMIC else 2, 3, side, side), forward, exporter)
    began = time.time()
    told = subprocess.run(["target/release/xtask", "differentiate", forward, "-o", target], capture_output=True, text=True)
    took = time.time() - began
    for line in told.stderr.splitlines()[:4]:
        print("   ", line[:200])
    if told.returncode:
        return
    grown = os.path.getsize(target) / os.path.getsize(forward) - 1
    differentiated = onnx.load(target)
    outputs = [o.name for o in differentiated.graph.output]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(target, options)
    layers = [o.split(":", 1)[1] for o in outputs if o.startswith("gradient:")]
    taps = [l for l in layers if l in modules(model)]
    asked = ["logits"] + [f"{kind}:{l}" for l in taps for kind in ("activation", "gradient")]
    asked += [o for o in outputs if o == "gradient:image"]
    errors, others, rounding = {}, set(), []
    double = network(name).double()
    for n in range(inputs):
        generator = torch.Generator().manual_seed(10 + n)
        image, seed = torch.randn(1, 3, side, side, generator=generator), torch.zeros(1, 1000)
        seed[0, n * 37] = 1.0
        logits, gradient, expected = autograd(model, image, seed, set(taps))
        found = dict(zip(asked, session.run(asked, {"image": image.numpy(), "seed": seed.numpy()})))
        exact = autograd(double, image.double(), seed.double(), set())[1]
        rounding.append(relative(gradient, exact))
        errors.setdefault("logits", []).append(relative(found["logits"], logits))
        if "gradient:image" in found:
            errors.setdefault("image", []).append(relative(found["gradient:image"], gradient))
        for tap in taps:
            # Where the exporter folded a batch norm the convolution's name holds the normalised value.
            if tap not in expected or found[f"activation:{tap}"].shape != expected[tap][0].shape:
                continue
            if relative(found[f"activation:{tap}"], expected[tap][0]) < 1e-2:
                errors.setdefault(tap, []).append(relative(found[f"gradient:{tap}"], expected[tap][1]))
            else:
                others.add(tap)
    medians = {k: float(np.median(v)) for k, v in errors.items()}
    worst = sorted(medians.items(), key=lambda e: -e[1])[:3]
    operators = sorted({n.op_type for n in onnx.load(forward).graph.node})
    ok = max(medians.values()) < 1e-4 and "image" in errors
    print(f"{'ok ' if ok else 'BAD'} {name} {exporter}: logits {medians['logits']:.1e} image {medians.get('image', np.nan):.1e} "
          f"(worst {max(errors.get('image', [np.nan])):.1e}; PyTorch f32 to f64 {np.median(rounding):.1e}) {len(errors) - 1} gradients ({len(others)} layers of {len(layers)} hold another value than the module); {took:.2f} s, file +{grown:.2%}; "
          f"worst {', '.join(f'{k} {v:.1e}' for k, v in worst)}", flush=True)
    print("    " + " ".join(operators), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--exporter", choices=["torchscript", "dynamo"], action="append")
    parser.add_argument("--inputs", type=int, default=5)
    parser.add_argument("--fixed", action="store_true", help="export for a batch of one")
    arguments = parser.parse_args()
    global DYNAMIC
    DYNAMIC = not arguments.fixed
    for name in arguments.networks:
        for exporter in arguments.exporter or ["torchscript", "dynamo"]:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    check(name, exporter, arguments.inputs, folder)
                except Exception as error:
                    print(f"BAD {name} {exporter}: {type(error).__name__}: {str(error)[:300]}", flush=True)


if __name__ == "__main__":
    main()
