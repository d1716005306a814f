"""Grad-CAM at layer4 of ResNet-18 by pytorch-grad-cam and by ONNX Runtime, for `xtask bench`, which starts this.

    python peers.py warm|cold PEER MODEL.pth IMAGE MODEL.onnx THREADS OUT.png

PEER: grad-cam, ort-gradient or ort-forward. warm: loads, prints its version, then for each line N on stdin runs N times
from the input tensor to a 224x224 map and prints the milliseconds of each. cold: writes the picture with its map to
OUT.png, as a script that somebody would run once. Only what the peer needs is imported.

Needs from PyPI: torch torchvision grad-cam pillow; for the ONNX Runtime peers: onnxruntime numpy pillow.
"""

import sys
import time

import numpy as np
from PIL import Image

how, peer, model_path, image_path, onnx_path, threads, out_path = sys.argv[1:]
threads = int(threads)

photo = Image.open(image_path).convert("RGB")
small = np.asarray(photo.resize((224, 224), Image.Resampling.BILINEAR), np.float32) / 255
mean, std = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
pixels = np.ascontiguousarray(((small - mean) / std).transpose(2, 0, 1)[None])

if peer == "grad-cam":
    from importlib.metadata import version as version_of

    import torch
    import torchvision
    from pytorch_grad_cam import GradCAM

    torch.set_num_threads(threads)
    model = torchvision.models.resnet18(weights=None)
    model.load_state_dict(torch.load(model_path, map_location="cpu", weights_only=True))
    model.eval()
    cam = GradCAM(model=model, target_layers=[model.layer4])
    x = torch.from_numpy(pixels)
    version = f"{version_of('grad-cam')}, PyTorch {torch.__version__}"

    def explain():
        # targets=None: the likeliest class, found in the same forward pass.
        return cam(input_tensor=x, targets=None)[0]

else:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(onnx_path, options, providers=["CPUExecutionProvider"])
    version = ort.__version__
    inputs = {i.name for i in session.get_inputs()}

    if peer == "ort-forward":
        feed = {"image": pixels}
        if "seed" in inputs:
            feed["seed"] = np.zeros((1, 1000), np.float32)

        def explain():
            return session.run(["logits"], feed)[0]

    else:
        # The class is known beforehand here, which favours this peer: the graph computes both directions at once.
        seed = np.zeros((1, 1000), np.float32)
        logits = session.run(["logits"], {"image": pixels, "seed": seed})[0]
        seed[0, logits[0].argmax()] = 1

        def explain():
            a, g = session.run(["activation:layer4", "gradient:layer4"], {"image": pixels, "seed": seed})
            m = np.maximum(np.einsum("chw,c->hw", a[0], g[0].mean(axis=(1, 2))), 0)
            m = np.asarray(Image.fromarray(m.astype(np.float32)).resize((224, 224), Image.Resampling.BILINEAR))
            return (m - m.min()) / max(float(m.max() - m.min()), 1e-12)


def overlay(m):
    """Jet at one half over the photo at its full size."""
    m = np.asarray(Image.fromarray(m.astype(np.float32)).resize(photo.size, Image.Resampling.BILINEAR))
    jet = np.clip(1.5 - np.abs(4 * m[..., None] - np.array([3, 2, 1], np.float32)), 0, 1)
    return Image.fromarray((255 * (0.5 * jet + 0.5 * np.asarray(photo, np.float32) / 255)).astype(np.uint8))


if how == "cold":
    overlay(explain()).save(out_path)
else:
    explain()
    print(version, flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start = time.perf_counter()
            explain()
            times.append((time.perf_counter() - start) * 1e3)
        print(*(f"{t:.4f}" for t in times), flush=True)
