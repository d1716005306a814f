"""Writes the NumPy files that crates/camtui-core/src/npy/tests.rs reads (and compares, byte for byte, with its own).

Needs from PyPI: numpy. Run from anywhere: python tests/goldens/npy.py
"""

from pathlib import Path

import numpy as np
from numpy.lib import format as npy_format

OUT = Path(__file__).resolve().parents[2] / "crates/camtui-core/tests/data/npy"
OUT.mkdir(parents=True, exist_ok=True)

signed = np.arange(24).reshape(2, 3, 4) - 6
unsigned = np.arange(24).reshape(2, 3, 4)

for code in ["f2", "f4", "f8", "i1", "i4", "i8"]:
    np.save(OUT / f"{code}.npy", signed.astype("<" + code))
for code in ["f4", "f8", "i2"]:
    np.save(OUT / f"{code}-big.npy", signed.astype(">" + code))
for code in ["u1", "u2", "u4", "u8"]:
    np.save(OUT / f"{code}.npy", unsigned.astype("<" + code))
np.save(OUT / "b1.npy", unsigned % 3 == 0)
np.save(OUT / "f4-fortran.npy", np.asfortranarray(signed.astype("<f4")))
for version in [2, 3]:
    with open(OUT / f"f4-v{version}.npy", "wb") as file:
        npy_format.write_array(file, signed.astype("<f4"), version=(version, 0))
np.save(OUT / "scalar.npy", np.float32(2.5))
np.save(OUT / "row.npy", np.array([0.1, 0.2, 0.3], np.float32))

np.save(OUT / "complex.npy", np.zeros(2, np.complex64))
np.save(OUT / "record.npy", np.zeros(2, [("a", "<f4"), ("b", "<i2")]))
np.save(OUT / "text.npy", np.array(["cat", "dog"]))
np.save(OUT / "object.npy", np.array([None, 1], object), allow_pickle=True)
