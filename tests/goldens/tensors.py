"""Reads and writes safetensors files of numpy arrays: a length, a JSON header, the values. Needs numpy."""

import json
import pathlib
import struct

import numpy as np

TYPES = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
NAMES = {dtype: name for name, dtype in TYPES.items()}


def save(path, tensors):
    header, at = {}, 0
    for name, tensor in tensors.items():
        header[name] = dict(dtype=NAMES[tensor.dtype], shape=tensor.shape, data_offsets=[at, at + tensor.nbytes])
        at += tensor.nbytes
    header = json.dumps(header, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    values = b"".join(np.ascontiguousarray(t).tobytes() for t in tensors.values())
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(header)) + header + values)


def load(path):
    data = pathlib.Path(path).read_bytes()
    start = 8 + struct.unpack_from("<Q", data)[0]
    found = {}
    for name, info in json.loads(data[8:start]).items():
        begin, end = info["data_offsets"]
        found[name] = np.frombuffer(data[start + begin:start + end], TYPES[info["dtype"]]).reshape(info["shape"])
    return found
