"""The maps of the plugin template and of the guide's example on EfficientNet-Lite0, by PyTorch's own autograd.

    python tests/goldens/plugins.py

Needs torch, numpy, pillow and efficientnet_lite_pytorch from PyPI. Writes
`tests/goldens/data/plugins.json`, which `tests/tests/plugin_new.rs` and `tests/tests/guide.rs` compare with. The input is the middle
224 x 224 pixels of examples/chelsea.png, normalised without any resampling. Nothing here calls camtui.
"""

import json
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

HERE = Path(__file__).resolve().parent
MEAN, STD = np.float32(127 / 255), np.float32(128 / 255)



def embedded():
    """The weights as camtui carries them, in half precision."""
    raw = (HERE.parent.parent / "crates/camtui-core/models/efficientnet-lite0.safetensors").read_bytes()
    length = int.from_bytes(raw[:8], "little")
    body = raw[8 + length :]
    return {
        name: torch.from_numpy(np.frombuffer(body[slice(*entry["data_offsets"])], np.float16).astype(np.float32)).reshape(
            entry["shape"]
        )
        for name, entry in json.loads(raw[8 : 8 + length]).items()
        if name != "__metadata__"
    }


model = EfficientNet.from_name("efficientnet-lite0").eval()
missing = model.load_state_dict(embedded(), strict=False).missing_keys
assert all(key.endswith("num_batches_tracked") for key in missing), missing
chelsea = np.asarray(Image.open(HERE.parent.parent / "examples/chelsea.png").convert("RGB"))
top, left = (chelsea.shape[0] - 224) // 2, (chelsea.shape[1] - 224) // 2
pixels = chelsea[top : top + 224, left : left + 224].astype(np.float32) / np.float32(255)
x = torch.from_numpy(np.ascontiguousarray(((pixels - MEAN) / STD).transpose(2, 0, 1)[None]))

features = model.extract_features(x)  # [1, 1280, 7, 7]
features.retain_grad()
logits = model._fc(model._avg_pooling(features).flatten(1))[0]
best = int(logits.argmax())
logits[best].backward()

alpha = features.grad[0].mean(dim=(1, 2))
weight = alpha.sign() * alpha.abs().pow(2)
power = torch.relu((weight[:, None, None] * features[0]).sum(0))
mean = features[0].mean(0)
listed = lambda t: [float(v) for v in t.detach().flatten()]
result = {"class": best, "mean-activation": listed(mean), "power-cam": listed(power)}
(HERE / "data/plugins.json").write_text(json.dumps(result) + "\n")
print(best, mean.shape, power.detach().max())
