"""What others take for the rows of `xtask bench`, which starts this.

    python peers.py serve|once torch|ort FOLDER NETWORK LAYER IMAGE THREADS

FOLDER holds what networks.py wrote and the graphs that camtui exported. serve: loads, prints its versions, then answers each
line `JOB COUNT` with the milliseconds of COUNT calls, or with `! REASON`. once: writes the picture with its map to
FOLDER/once.png, as a script that somebody runs. Only what is needed is imported.

Needs from PyPI: torch torchvision timm grad-cam pillow for `torch`; onnxruntime numpy pillow for `ort`.
"""

import os
import sys
import time

how, runtime, folder, network, layer, image_path, threads = sys.argv[1:]
threads = int(threads)
os.environ["OMP_NUM_THREADS"] = str(threads)

import numpy as np
from PIL import Image

MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)


def prepared(path):
    photo = Image.open(path).convert("RGB")
    small = np.asarray(photo.resize((224, 224), Image.Resampling.BILINEAR), np.float32) / 255
    return photo, np.ascontiguousarray(((small - MEAN) / STD).transpose(2, 0, 1)[None])


def overlay(photo, m):
    """Jet at one half over the photo at its full size."""
    m = np.asarray(Image.fromarray(m.astype(np.float32)).resize(photo.size, Image.Resampling.BILINEAR))
    jet = np.clip(1.5 - np.abs(4 * m[..., None] - np.array([3, 2, 1], np.float32)), 0, 1)
    return Image.fromarray((255 * (0.5 * jet + 0.5 * np.asarray(photo, np.float32) / 255)).astype(np.uint8))


def normalised(m):
    m = np.asarray(Image.fromarray(m.astype(np.float32)).resize((224, 224), Image.Resampling.BILINEAR))
    return (m - m.min()) / max(float(m.max() - m.min()), 1e-12)


photo, pixels = prepared(image_path)


def torch_jobs():
    from importlib.metadata import version

    import networks
    import pytorch_grad_cam as cams
    import torch
    from pytorch_grad_cam.utils.image import show_cam_on_image
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    torch.set_num_threads(threads)
    model = networks.load(network, folder)
    module = model.get_submodule(layer)
    x = torch.from_numpy(pixels)
    made = {}

    def cam(kind=cams.GradCAM, at=module, targets=None, of=x):
        # Hooks are set once and stay as long as they are asked for.
        if made.get("of") != (kind, at):
            if "cam" in made:
                made["cam"].activations_and_grads.release()
            made["of"], made["cam"] = (kind, at), kind(model=model, target_layers=[at])
        return made["cam"](input_tensor=of, targets=targets)

    def released(job):
        """The same without hooks of whatever was measured before."""

        def run():
            if "cam" in made:
                made.pop("cam").activations_and_grads.release()
                made.pop("of")
            return job()

        return run

    kept = {}
    module.register_forward_hook(lambda _, __, output: kept.__setitem__("a", output))

    def to_map(a, g):
        m = (a * g.mean(dim=(2, 3), keepdim=True)).sum(1, keepdim=True).relu()
        m = torch.nn.functional.interpolate(m.detach(), (224, 224), mode="bilinear")[0, 0]
        return (m - m.min()) / (m.max() - m.min()).clamp_min(1e-12)

    def bare():
        logits = model(x)
        return to_map(kept["a"], torch.autograd.grad(logits[0].max(), kept["a"])[0])

    def forward():
        with torch.inference_mode():
            return model(x)

    def image_gradient():
        leaf = x.clone().requires_grad_()
        return torch.autograd.grad(model(leaf)[0].max(), leaf)[0]

    def another_class():
        kept["class"] = (kept.get("class", 0) + 1) % 1000
        return cam(targets=[ClassifierOutputTarget(kept["class"])])

    def bare_another_class():
        if "logits" not in kept:
            kept["logits"] = model(x)
            kept["graph"] = kept["a"]
        kept["class"] = (kept.get("class", 0) + 1) % 1000
        score = kept["logits"][0, kept["class"]]
        return to_map(kept["graph"], torch.autograd.grad(score, kept["graph"], retain_graph=True)[0])

    def rise():
        rng = np.random.default_rng(0)
        total = torch.zeros(224, 224)
        with torch.inference_mode():
            for _ in range(0, 500, 20):
                cells = torch.from_numpy((rng.random((20, 1, 8, 8)) < 0.5).astype(np.float32))
                masks = torch.nn.functional.interpolate(cells, (256, 256), mode="bilinear")[..., :224, :224]
                scores = model(x * masks).softmax(1)[:, 0]
                total += (scores[:, None, None] * masks[:, 0]).sum(0)
        return total

    def batch():
        several = [prepared(image_path) for _ in range(8)]
        maps = cam(of=torch.from_numpy(np.concatenate([tensor for _, tensor in several])))
        for n, ((picture, _), m) in enumerate(zip(several, maps)):
            m = np.asarray(Image.fromarray(m).resize(picture.size, Image.Resampling.BILINEAR))
            drawn = show_cam_on_image(np.asarray(picture, np.float32) / 255, m, use_rgb=True)
            Image.fromarray(drawn).save(f"{folder}/batch{n}.png", compress_level=1)

    jobs = {
        "grad-cam": cam,
        "bare": released(bare),
        "forward": released(forward),
        "image-gradient": released(image_gradient),
        "another-class": another_class,
        "bare-another-class": released(bare_another_class),
        "score-cam": lambda: cam(cams.ScoreCAM),
        "ablation-cam": lambda: cam(cams.AblationCAM),
        "rise": released(rise),
        "folder": batch,
    }
    if network.startswith("resnet"):
        jobs["another-layer"] = lambda: cam(at=model.layer3)
    return f"PyTorch {torch.__version__}, pytorch-grad-cam {version('grad-cam')}", jobs


def picture_jobs():
    import io

    with open(image_path, "rb") as file:
        data = file.read()
    m = np.random.default_rng(0).random((7, 7), np.float32)
    drawn = overlay(photo, m)

    def decode():
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def resize():
        small = np.asarray(photo.resize((224, 224), Image.Resampling.BILINEAR), np.float32) / 255
        return np.ascontiguousarray(((small - MEAN) / STD).transpose(2, 0, 1)[None])

    def encode():
        drawn.save(io.BytesIO(), "png", compress_level=1)

    return {"decode": decode, "resize": resize, "overlay": lambda: overlay(photo, m), "encode": encode}


def ort_jobs():
    import onnxruntime as ort

    made = {}

    def session(name):
        # One at a time: each has threads of its own, which spin for a while.
        if made.get("name") != name:
            made.clear()
            options = ort.SessionOptions()
            options.intra_op_num_threads = threads
            options.inter_op_num_threads = 1
            made["name"] = name
            made["session"] = ort.InferenceSession(f"{folder}/{network}{name}.onnx", options, providers=["CPUExecutionProvider"])
        return made["session"]

    def forward():
        s = session("")
        return s.run(None, {s.get_inputs()[0].name: pixels})[0]

    seed = np.zeros((1, 1000), np.float32)
    # The class is known beforehand here, which favours this peer: the graph computes both directions at once.
    seed[0, 0] = 1

    def grad_cam():
        a, g = session(".cam").run([f"activation:{layer}", f"gradient:{layer}"], {"image": pixels, "seed": seed})
        return normalised(np.maximum(np.einsum("chw,c->hw", a[0], g[0].mean(axis=(1, 2))), 0))

    def image_gradient():
        return session(".image").run(["gradient:image"], {"image": pixels, "seed": seed})[0]

    return f"ONNX Runtime {ort.__version__}", {"forward": forward, "grad-cam": grad_cam, "image-gradient": image_gradient}


version, jobs = torch_jobs() if runtime == "torch" else ort_jobs()
if how == "once":
    made = jobs["grad-cam"]()
    overlay(photo, made[0] if runtime == "torch" else made).save(f"{folder}/once.png")
    sys.exit()
if runtime == "torch":
    jobs |= picture_jobs()
    version += f", Pillow {Image.__version__}"
print(version, flush=True)
for line in sys.stdin:
    job, count = line.split()
    times = []
    try:
        for _ in range(int(count)):
            start = time.perf_counter()
            jobs[job]()
            times.append((time.perf_counter() - start) * 1e3)
        print(*(f"{t:.4f}" for t in times), flush=True)
    except Exception as error:
        print("!", repr(error).replace("\n", " "), flush=True)
