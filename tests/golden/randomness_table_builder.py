"""Where `steadygrad/randomness/inverse_normal.npy` came from: run it with SciPy installed to fit the table anew.

The shipped file is the definition; least squares in floating point may differ in last bits from machine to machine, so
nothing at run time depends on this. `test_randomness_table.py` checks the file itself.

    python tests/golden/randomness_table_builder.py OUT.npy

Each of 32 octaves × 64 segments is z ≈ c0 − t·(c1 − c2·t) over t in [0, 1): c2 by least squares at Chebyshev nodes and
rounded, then c1 refitted and rounded, then c0 in the middle of the errors that the integer arithmetic really makes.
"""

import sys

import numpy as np
from scipy.special import ndtri

NODES = (np.cos((2 * np.arange(33) + 1) * np.pi / 66) + 1) / 2
GRID = np.arange(0, 2**32, 2**21, dtype=np.uint64)  # 2048 values of t per segment


def exact(octave: int, segment: int, t: np.ndarray) -> np.ndarray:
    """z of the tail probability q/2³³, q = 2^(31−octave)·(1 + (segment + t)/64)."""
    return -ndtri(2.0 ** (31 - octave) * (1.0 + (segment + t) / 64.0) / 2.0**33)


def fit(octave: int, segment: int) -> tuple[int, int, int]:
    """c0 in units of 2⁻²⁸, c1 of 2⁻²⁸, c2 of 2⁻²⁵."""
    z = exact(octave, segment, NODES)
    powers = np.stack([np.ones_like(NODES), -NODES, NODES**2], axis=1)
    c2 = min(max(round(np.linalg.lstsq(powers, z, rcond=None)[0][2] * 2**25), 0), 2**11 - 1)
    line = np.linalg.lstsq(powers[:, :2], z - c2 / 2**25 * NODES**2, rcond=None)[0]
    c1 = round(line[1] * 2**28)
    assert 0 <= c1 < 2**22
    bent = (np.uint64(c1) << 10) - ((np.uint64(c2) << 13) * GRID >> 32)
    drop = (bent * GRID >> 42).astype(np.float64)
    rest = exact(octave, segment, GRID / 2**32) * 2**28 + drop
    c0 = round((rest.max() + rest.min()) / 2)
    assert 0 <= c0 < 2**31
    return c0, c1, c2


def build() -> np.ndarray:
    """2048 little-endian 64-bit words, c0 in bits 33–63, c1 in bits 11–32, c2 in bits 0–10."""
    coefficients = [fit(octave, segment) for octave in range(32) for segment in range(64)]
    return np.array([c0 << 33 | c1 << 11 | c2 for c0, c1, c2 in coefficients], dtype="<u8")


if __name__ == "__main__":
    np.save(sys.argv[1], build())
