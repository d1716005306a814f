"""Small checkpoints in every form that camtui reads or refuses, and what PyTorch reads from them.

Needs from PyPI: torch numpy.

    python checkpoints.py        writes data/checkpoints/*, which `cargo test -p camtui-core` reads
"""

import collections
import io
import json
import os
import pathlib
import pickle
import zipfile

import torch

HERE = pathlib.Path(__file__).parent / "data" / "checkpoints"


def state(dtype=torch.float32):
    """A convolution and a batch norm with its counter, filled with numbers that every type holds exactly."""
    sd = torch.nn.Sequential(collections.OrderedDict(conv=torch.nn.Conv2d(2, 3, 2), bn=torch.nn.BatchNorm2d(3))).state_dict()
    start = 0
    for name, tensor in sd.items():
        if tensor.is_floating_point():
            sd[name] = ((torch.arange(tensor.numel()) + start) / 4 - 1).reshape(tensor.shape).to(dtype)
            start += 1
        else:
            sd[name] = torch.tensor(7)
    return sd


def parameters_with_long_keys(path):
    """102-tensor files of old: Parameters, no counters, storages keyed by address, another root, no byteorder."""
    weights = collections.OrderedDict((k, torch.nn.Parameter(v)) for k, v in state().items() if v.is_floating_point())
    storages = {}

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj):
            if not isinstance(obj, torch.storage.TypedStorage):
                return None
            key = str(94_000_000_000_000 + 64 * len(storages))
            storages[key] = bytes(obj.untyped())
            return ("storage", torch.FloatStorage, key, "cpu", obj.size())

    out = io.BytesIO()
    Pickler(out, protocol=2).dump(weights)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("resnet_from_old/data.pkl", out.getvalue())
        for key, data in storages.items():
            archive.writestr(f"resnet_from_old/data/{key}", data)
        archive.writestr("resnet_from_old/version", "3\n")


def repack(source, path, change, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(HERE / source) as old, zipfile.ZipFile(HERE / path, "w", compression) as new:
        for entry in old.infolist():
            name, data = change(entry.filename, old.read(entry))
            new.writestr(name, data)


class Call:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def main():
    HERE.mkdir(parents=True, exist_ok=True)
    torch.save(state(), HERE / "plain.pth")
    parameters_with_long_keys(HERE / "parameters.pth")
    torch.save(state(), HERE / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(state(torch.float16), HERE / "float16.pth")
    torch.save(state(torch.bfloat16), HERE / "bfloat16.pth")
    torch.save(state(torch.float64), HERE / "float64.pth")
    torch.save(state(), HERE / "protocol4.pth", pickle_protocol=4)
    repack("plain.pth", "no_records.pth",
           lambda name, data: ("another root/" + name.split("/", 1)[1], data))
    with zipfile.ZipFile(HERE / "no_records.pth") as archive:
        keep = {n: archive.read(n) for n in archive.namelist() if n.endswith("data.pkl") or "/data/" in n or n.endswith("/version")}
    with zipfile.ZipFile(HERE / "no_records.pth", "w") as archive:
        for name, data in keep.items():
            archive.writestr(name, data)

    base = torch.arange(24, dtype=torch.float32)
    views = collections.OrderedDict(
        transposed=base.reshape(4, 6).T,
        sliced=base.reshape(4, 6)[1:3, 2:5],
        shared=base[5:9],
        expanded=base[3:5].reshape(2, 1).expand(2, 3),
        scalar=torch.tensor(2.5),
        empty=torch.zeros(0, 3),
        bool=torch.tensor([True, False]),
        byte=torch.tensor([0, 255], dtype=torch.uint8),
        int=torch.tensor([-3, 4], dtype=torch.int32),
    )
    torch.save(views, HERE / "views.pth")
    wrapped = {"epoch": 3, "lr": 0.1, "optimizer": {"state": {}, "groups": [{"betas": (0.9, 0.999)}]},
               "state_dict": {"module." + k: v for k, v in state().items()}}
    torch.save(wrapped, HERE / "wrapped.pth")
    torch.save({"model": state()}, HERE / "model.pth")

    expected = {}
    for path in sorted(HERE.glob("*.pth")):
        if path.stem in ("big_endian", "compressed", "system", "system4", "legacy_system", "complex", "module", "number",
                         "cut_storage", "inflated"):
            continue
        loaded = torch.load(path, weights_only=path.stem != "protocol4")
        for wrapper in ("state_dict", "model"):
            loaded = loaded.get(wrapper, loaded)
        expected[path.name] = {
            name.removeprefix("module."): {"shape": list(t.shape), "values": t.detach().float().ravel().tolist()}
            for name, t in loaded.items()
        }
    (HERE / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")

    # What is refused.
    torch.save({"weight": Call(os.system, "echo this must never run")}, HERE / "system.pth")
    torch.save({"weight": Call(os.system, "echo this must never run")}, HERE / "system4.pth", pickle_protocol=4)
    torch.save({"weight": Call(os.system, "echo this must never run")}, HERE / "legacy_system.pth",
               _use_new_zipfile_serialization=False)
    torch.save({"weight": torch.zeros(2, dtype=torch.complex64)}, HERE / "complex.pth")
    torch.save(torch.nn.Linear(2, 2), HERE / "module.pth")
    torch.save(42, HERE / "number.pth")
    repack("plain.pth", "big_endian.pth",
           lambda name, data: (name, b"big" if name.endswith("byteorder") else data))
    repack("plain.pth", "compressed.pth", lambda name, data: (name, data), zipfile.ZIP_DEFLATED)
    repack("plain.pth", "cut_storage.pth",
           lambda name, data: (name, data[:-4] if name.endswith("data/0") else data))
    torch.save({"weight": torch.zeros(1).expand(1 << 20, 1 << 20)}, HERE / "inflated.pth")
    print(sum(p.stat().st_size for p in HERE.iterdir()), "bytes in", HERE)


if __name__ == "__main__":
    main()
