"""Any law into an array: independent entries by the fastest backend present, everything else put together from them here."""

import ctypes
import math
from collections.abc import Callable
from functools import singledispatch
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from steadygrad.errors import InputError
from steadygrad.randomness import householder
from steadygrad.randomness.backends import c
from steadygrad.randomness.backends.numpy import bfloat16_bits, storage
from steadygrad.randomness.composed import Blocks, Computed, Each, Repeated, Table, along
from steadygrad.randomness.law import Independent, Law, Shape, normal
from steadygrad.randomness.stream import checked
from steadygrad.randomness.structured import Dirac, Orthogonal, Sparse, group_rows, matrix

Array = NDArray[Any]

PLACES = 1 << 60
"""From this entry on, a tensor's stream says where things stand, not what they are."""


class Source(NamedTuple):
    """Where numbers come from and what they are rounded to.

    Attributes:
        name: the tensor's path in its model, or a part of it: name[k].
        seed: in [0, 2⁶⁴).
        dtype: float16, bfloat16 (held as uint16 bits), float32 or float64.
        orthonormal: `householder.orthonormal`, or the same on another BLAS.
    """

    name: str
    seed: int
    dtype: str
    orthonormal: Callable[[Array], Array] = householder.orthonormal

    def part(self, k: int) -> "Source":
        """The source of the k-th part, which shares no number with the others."""
        return self._replace(name=f"{self.name}[{k}]")

    def draw(self, law: Law, shape: Shape, dtype: str = "") -> Array:
        """A new array of this source's dtype, or another."""
        source = self._replace(dtype=dtype) if dtype else self
        out = np.empty(shape, storage(source.dtype))
        put(law, out, source)
        return out


def draw(law: Law, shape: Shape, dtype: str = "float32", *, name: str, seed: int = 0) -> Array:
    """An array of the given shape, every entry a pure function of (seed, name, its index).

    Args:
        law: any law of this package.
        shape: of the result.
        dtype: float16, bfloat16 (returned as uint16 bits), float32 or float64.
        name: the tensor's path in its model.
        seed: in [0, 2⁶⁴).

    Raises:
        InputError: a dtype, seed or shape that the law cannot be drawn with.

    Example:
        >>> from steadygrad.randomness import blocks, identity, normal
        >>> draw(blocks(identity(), normal(0.1)), (4, 2), name="w").shape
        (4, 2)
    """
    checked(seed, 0, 0, name)  # refuses a bad seed whatever the law
    return Source(name, seed, dtype).draw(law, shape)


@singledispatch
def put(law: object, out: Array, source: Source) -> None:
    """Draw `law` into `out`, an array of `storage(source.dtype)` with any strides."""
    raise InputError(f"a law must be one of the records of steadygrad.randomness, got {type(law).__name__}")


@put.register
def _(law: Independent, out: Array, source: Source) -> None:
    if out.flags.c_contiguous:
        c.fill(out.reshape(1, -1), law, source.dtype, name=source.name, seed=source.seed)
    else:
        out[...] = source.draw(law, out.shape)


@put.register
def _(law: Sparse, out: Array, source: Source) -> None:
    rows, columns = matrix(out.shape)
    put(law.law, out, source)
    bits = out.view(f"u{out.itemsize}")
    bits *= ~zero_places(rows, columns, law, source.name, source.seed).reshape(out.shape)  # of numbers -1 * 0 would be -0


def zero_places(rows: int, columns: int, law: Sparse, name: str, seed: int) -> NDArray[np.bool_]:
    """Where a sparse law is 0: in each line the ⌈fraction·length⌉ smallest words from PLACES on, the earlier of equal ones."""
    zeros = math.ceil(law.fraction * (rows, columns)[law.axis])
    if zeros == 0:
        return np.zeros((rows, columns), bool)
    words = c.words(name, seed, PLACES, rows * columns).astype(np.uint32).reshape(rows, columns)
    last = np.partition(words if law.axis else turned(words), zeros - 1, 1)[:, zeros - 1]
    places: NDArray[np.bool_] = words <= np.expand_dims(last, law.axis)
    for k in np.flatnonzero(np.count_nonzero(places, law.axis) > zeros):
        line, place = (words[k], places[k]) if law.axis else (words[:, k], places[:, k])
        place[np.flatnonzero(line == last[k])[zeros - np.count_nonzero(place) :]] = False
    return places


def turned(matrix: Array) -> Array:
    """The transpose in memory of its own, some rows at a time: all at once, every entry of a wide matrix misses the cache."""
    out = np.empty(matrix.shape[::-1], matrix.dtype)
    for first in range(0, len(matrix), 32):
        out[:, first : first + 32] = matrix[first : first + 32].T
    return out


@put.register
def _(law: Orthogonal, out: Array, source: Source) -> None:
    target = out
    if law.delta:
        out[...] = 0
        target = out[(..., *(k // 2 for k in out.shape[2:]))]
    matrix(out.shape)
    for k, part in enumerate(_groups(target, law)):
        rows, columns = matrix(part.shape)
        wide = "float64" if source.dtype == "float64" else "float32"
        own = source if law.groups == 1 else source.part(k)
        q = source.orthonormal(own.draw(normal(1.0), (min(rows, columns), max(rows, columns)), wide))
        part[...] = rounded((q if rows >= columns else q.T) * q.dtype.type(law.scale), source.dtype).reshape(part.shape)


@put.register
def _(law: Dirac, out: Array, source: Source) -> None:
    columns, rows = matrix(out.shape[:2])[1], group_rows(out.shape, law.groups)
    if not out.flags.c_contiguous:
        out[...] = source.draw(law, out.shape)
        return
    side, flat, taps = min(rows, columns), out.reshape(-1), math.prod(out.shape[2:])
    centre = int(np.ravel_multi_index([k // 2 for k in out.shape[2:]], out.shape[2:])) if taps > 1 else 0
    one, step = rounded(np.array(law.scale), source.dtype), (columns + 1) * taps
    ctypes.memset(flat.ctypes.data, 0, flat.nbytes)  # past the caches where there is much of it, as `fill` does not
    for group in range(0, law.groups * rows, rows):
        for row in range(group, group + rows if law.wrap else group + 1, side):  # from where a diagonal begins
            first = row * columns * taps + centre
            flat[first : first + min(side, group + rows - row) * step : step] = one


@put.register
def _(law: Blocks, out: Array, source: Source) -> None:
    axis, first = along(out.shape, law.axis), 0
    for k, (part, shape) in enumerate(zip(law.laws, law.shapes(out.shape), strict=True)):
        slices = (slice(None),) * axis + (slice(first, first + shape[axis]),)
        put(part, out[slices], source.part(k))
        first += shape[axis]


@put.register
def _(law: Each, out: Array, source: Source) -> None:
    for k, part in enumerate(np.moveaxis(out, along(out.shape, law.axis), 0)):
        put(law.law, part, source.part(k))


@put.register
def _(law: Repeated, out: Array, source: Source) -> None:
    out[...] = np.repeat(source.draw(law.law, law.smaller(out.shape)), law.times, along(out.shape, law.axis))


@put.register
def _(law: Table, out: Array, source: Source) -> None:
    out[...] = rounded(law.over(out.shape), source.dtype)


@put.register
def _(law: Computed, out: Array, source: Source) -> None:
    parts = count()

    def part(law: Law, shape: Shape) -> Array:
        return source.part(next(parts)).draw(law, shape, "float64")

    values = np.asarray(law.function(out.shape, part), dtype=np.float64)
    if values.shape != out.shape or not np.isfinite(values).all():
        raise InputError(f"the law `{law.label}` must compute finite numbers of shape {out.shape}, got shape {values.shape}")
    out[...] = rounded(values, source.dtype)


def rounded(values: Array, dtype: str) -> Array:
    """Rounded to float32 and then to `dtype`, to nearest even each time; float64 stays."""
    if dtype == "float64":
        return values
    with np.errstate(over="ignore", under="ignore"):
        single = np.asarray(values, dtype=np.float32)
        return bfloat16_bits(single) if dtype == "bfloat16" else single.astype(dtype)


def _groups(out: Array, law: Orthogonal) -> list[Array]:
    group_rows(out.shape, law.groups)
    return list(out.reshape(law.groups, -1, *out.shape[1:])) if out.flags.c_contiguous else np.split(out, law.groups)
