"""The definition's draws by the C kernel: the same bits, many times faster; where it was not built, the definition itself."""

import os
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadygrad.kernels.loader import native
from steadygrad.randomness import stream
from steadygrad.randomness.backends import numpy as definition
from steadygrad.randomness.law import Independent, uniform
from steadygrad.randomness.quantile import first_within, ranks, table
from steadygrad.randomness.stream import checked, key

KINDS = {"uniform": 0, "normal": 1, "rademacher": 4}
TRUNCATED, CUT = 2, 3
TYPES = {"float32": 0, "float64": 1, "float16": 2, "bfloat16": 3}
SCALES = (2.0**-90, 2.0**90)  # where no intermediate result is subnormal or overflows, so that powers of two may change places


def fill(rows: NDArray[Any], law: Independent, dtype: str, *, name: str, seed: int, start: int = 0, stride: int = 0, threads: int | None = None) -> None:
    """As `backends.numpy.fill`, on `threads` threads: by default as many as the process may use processors."""
    drawn = rows.flags.c_contiguous and fill_at(rows.ctypes.data, *rows.shape, law, dtype, name=name, seed=seed, start=start, stride=stride, threads=threads)
    if not drawn:
        definition.fill(rows, law, dtype, name=name, seed=seed, start=start, stride=stride)


def fill_at(
    address: int, rows: int, run: int, law: Independent, dtype: str, *, name: str, seed: int, start: int = 0, stride: int = 0, threads: int | None = None
) -> bool:
    """`fill` for rows·run entries without gaps at an address, for which the caller vouches; False, and nothing done, where the kernel cannot."""
    kernel = prepared(2)
    if kernel is None or not SCALES[0] <= law.scale <= SCALES[1] or law.kind == "constant":
        return False
    kind, first, span = _kind(law)
    low, high = checked(seed, start, 0, name)
    kernel.draw(address, rows, run, start, stride, low, high, *key(name), kind, TYPES[dtype], first, span, threads or processors(), law.scale, law.mean)
    return True


def words(name: str, seed: int, start: int, count: int) -> NDArray[np.uint64]:
    """As `stream.words`: read off uniform draws in float64, which are (word + ½)/2³² exactly."""
    if prepared(2) is None:
        return stream.words(name, seed, start, count)
    middles = np.empty((1, count))
    fill(middles, uniform(0.0, 1.0), "float64", name=name, seed=seed, start=start)
    return np.asarray(middles[0] * 2.0**32).astype(np.uint64)


@lru_cache(maxsize=4)
def prepared(most: int) -> ModuleType | None:
    """The kernel with its table in place and no wider instructions than `most` (0 plain, 1 AVX2, 2 AVX-512), or None."""
    if native is None or not hasattr(native, "draw"):
        return None
    segments = np.ascontiguousarray(table())
    native.draw_prepare(segments.ctypes.data, most)
    return native


@lru_cache(maxsize=1)
def processors() -> int:
    """How many processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _kind(law: Independent) -> tuple[int, int, int]:
    """The kernel's kind and, for truncated normals, where the magnitudes or ranks inside begin and how many there are."""
    if law.kind != "truncated_normal" or (law.lower == -law.bound and first_within(law.bound) == 0):
        return KINDS.get(law.kind, KINDS["normal"]), 0, 0
    if law.lower == -law.bound:
        first = first_within(law.bound)
        return TRUNCATED, first, 2**31 - first
    first, end = ranks(law.lower, law.bound)
    return CUT, first, end - first
