"""Forward passes of the networks that camtui builds, as PyTorch computes them.

Needs from PyPI: torch torchvision efficientnet_lite_pytorch numpy; onnx onnxruntime for `--onnx`.

    python forward.py                          writes data/forward.json, which `cargo test -p camtui-core` reads
    python forward.py --onnx FILE --arch NAME (--seed N | --checkpoint FILE)
                                               runs FILE on ONNX Runtime and compares every layer with PyTorch

FILE comes from `cargo run --release -p xtask -- forward-onnx`. A relative error is |a-b|/|b| in the 2-norm.
"""

import argparse
import json
import pathlib

import numpy as np
import torch
import torchvision

import seeded

HERE = pathlib.Path(__file__).parent
SEED = 1
CLASSES = 10
SAMPLES = 48


def network(arch, classes):
    if arch == "resnet18":
        return torchvision.models.resnet18(num_classes=classes)
    from efficientnet_lite_pytorch import EfficientNet

    return EfficientNet.from_name("efficientnet-lite0", num_classes=classes)


def activations(model, image):
    """The output of every module by its name, and the logits. A module called twice keeps its last output."""
    found = {}
    hooks = []
    for name, module in model.named_modules():
        def keep(_module, _inputs, output, name=name):
            found[name] = output.detach().numpy().copy()

        hooks.append(module.register_forward_hook(keep))
    with torch.no_grad():
        logits = model(image).numpy()
    for hook in hooks:
        hook.remove()
    # The last activation of EfficientNet-Lite0: its `_swish` module is called first for the stem, then for this.
    if "_swish" in found:
        found["features"] = found.pop("_swish")
    return found, logits


def relative(a, b):
    return float(np.linalg.norm((a - b).ravel().astype(np.float64)) / np.linalg.norm(b.ravel().astype(np.float64)))


def golden(arch, layers):
    model = seeded.load(network(arch, CLASSES), SEED)
    image = seeded.uniform("image", (1, 3, 224, 224), SEED, -2.0, 2.0)
    found, logits = activations(model, torch.from_numpy(image))
    samples = {}
    for layer in layers:
        flat = found[layer].ravel()
        at = np.linspace(0, flat.size - 1, SAMPLES).astype(int)
        samples[layer] = {"shape": found[layer].shape, "at": at.tolist(), "values": flat[at].tolist()}
    return {
        "arch": arch,
        "seed": SEED,
        "classes": CLASSES,
        "image": [float(v) for v in image.ravel()[:4]],
        "logits": logits.ravel().tolist(),
        "layers": samples,
    }


def compare(path, arch, seed, checkpoint):
    import onnx
    import onnxruntime

    onnx.checker.check_model(path, full_check=True)
    graph = onnx.load(path)
    metadata = json.loads(next(p.value for p in graph.metadata_props if p.key == "camtui.model"))
    if checkpoint:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        model = network(arch, metadata["classes"])
        model.load_state_dict(state)
        model.eval()
    else:
        model = seeded.load(network(arch, metadata["classes"]), seed)
    declared = {o.name for o in graph.graph.output}
    for value in sorted({layer["value"] for layer in metadata["layers"]} - declared):
        graph.graph.output.append(onnx.ValueInfoProto(name=value))
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    names = [o.name for o in session.get_outputs()]
    worst = 0.0
    for n in range(3):
        image = seeded.uniform(f"image{n}", (2, 3, 224, 224), 7, -2.0, 2.0)
        found, logits = activations(model, torch.from_numpy(image))
        values = dict(zip(names, session.run(None, {"image": image})))
        errors = {"logits": relative(values["logits"], logits)}
        for layer in metadata["layers"]:
            if layer["name"] in found:
                got = values[layer["value"]]
                assert list(got.shape[1:]) == layer["shape"], (layer, got.shape)
                errors[layer["name"]] = relative(got, found[layer["name"]])
        worst = max(worst, *errors.values())
        top = sorted(errors.items(), key=lambda e: -e[1])[:3]
        print(f"image {n}: logits {errors['logits']:.1e}; {len(errors) - 1} layers, worst", top)
    unmatched = [layer["name"] for layer in metadata["layers"] if layer["name"] not in found]
    print("layers that no PyTorch hook sees once:", unmatched)
    assert worst < 1e-5, worst


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--onnx")
    parser.add_argument("--arch", default="resnet18", choices=["resnet18", "efficientnet-lite0"])
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--checkpoint")
    args = parser.parse_args()
    if args.onnx:
        compare(args.onnx, args.arch, args.seed, args.checkpoint)
        return
    cases = [
        golden("resnet18", ["conv1", "bn1", "relu", "maxpool", "layer1", "layer2.0.downsample.0", "layer2.0.conv1",
                            "layer3.1.bn2", "layer4.1.conv2", "layer4.1", "layer4", "avgpool"]),
        golden("efficientnet-lite0", ["_conv_stem", "_bn0", "_blocks.0", "_blocks.1._depthwise_conv", "_blocks.2",
                                      "_blocks.3._depthwise_conv", "_blocks.5._bn1", "_blocks.11._depthwise_conv",
                                      "_blocks.15", "_conv_head", "_bn1", "features", "_avg_pooling"]),
    ]
    out = HERE / "data" / "forward.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
    print(out, out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
