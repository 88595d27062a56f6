"""A part of a tensor, drawn without the rest where the law allows it: what one process of many holds.

Which entries a process holds is said by one array of indices per axis: entry (i, j, …) of the part is entry
(indices[0][i], indices[1][j], …) of the whole. Independent entries, and blocks and slices of them, are drawn alone; all other
laws need the whole tensor (an orthogonal matrix has no entry without the others) and are drawn whole, then cut.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import singledispatch
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steadygrad.randomness.assembly import Source, put
from steadygrad.randomness.backends import c
from steadygrad.randomness.composed import Blocks, Each, along
from steadygrad.randomness.law import Independent, Shape

Array = NDArray[Any]
Indices = Sequence[NDArray[np.int64]]


@dataclass(frozen=True)
class Rows:
    """Entries at equal distances: row r of the part holds entries start + r·stride … + run − 1 of the whole.

    Attributes:
        where: slices of the part, of `rows`·`run` entries.
        start: index of the first entry in the whole.
        stride: from row to row.
        rows: how many.
        run: entries of each.
    """

    where: tuple[slice, ...]
    start: int
    stride: int
    rows: int
    run: int


@singledispatch
def put_part(law: Any, out: Array, source: Source, shape: Shape, indices: Indices) -> None:
    """Draw into `out` the entries at `indices` of a tensor of this shape: the bits it would have there, drawn whole.

    Example:
        >>> from steadygrad.randomness import normal
        >>> source, mine = Source("w", 0, "float32"), np.empty((2, 3), np.float32)
        >>> put_part(normal(1.0), mine, source, (4, 3), [np.array([1, 2]), np.arange(3)])
        >>> bool((mine == source.draw(normal(1.0), (4, 3))[1:3]).all())
        True
    """
    out[...] = source.draw(law, shape)[np.ix_(*indices)]


@put_part.register
def _(law: Independent, out: Array, source: Source, shape: Shape, indices: Indices) -> None:
    for part in regular_rows(shape, indices):
        target = out[part.where]
        rows = target.reshape(part.rows, part.run) if target.flags.c_contiguous else np.empty((part.rows, part.run), out.dtype)
        c.fill(rows, law, source.dtype, name=source.name, seed=source.seed, start=part.start, stride=part.stride)
        if not target.flags.c_contiguous:
            target[...] = rows.reshape(target.shape)


@put_part.register
def _(law: Blocks, out: Array, source: Source, shape: Shape, indices: Indices) -> None:
    axis, first = along(shape, law.axis), 0
    for k, (part, part_shape) in enumerate(zip(law.laws, law.shapes(shape), strict=True)):
        mine = np.flatnonzero((indices[axis] >= first) & (indices[axis] < first + part_shape[axis]))
        for places in consecutive(mine):
            own = [*indices[:axis], indices[axis][places] - first, *indices[axis + 1 :]]
            where = (slice(None),) * axis + (slice(places[0], places[-1] + 1),)
            put_part(part, out[where], source.part(k), part_shape, own)
        first += part_shape[axis]


@put_part.register
def _(law: Each, out: Array, source: Source, shape: Shape, indices: Indices) -> None:
    axis = along(shape, law.axis)
    others = [*indices[:axis], *indices[axis + 1 :]]
    for k, part in zip(indices[axis].tolist(), np.moveaxis(out, axis, 0), strict=True):
        put_part(law.law, part, source.part(k), law.slice_shape(shape), others)


def draw_part(law: Any, out: Array, source: Source, shape: Shape, indices: Indices | None) -> None:
    """The whole tensor where `indices` is None, otherwise `put_part`; nothing into an empty part."""
    if out.size and indices is None:
        put(law, out, source)
    elif out.size and indices is not None:
        put_part(law, out, source, shape, indices)


def consecutive(indices: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cut wherever the next index is not the next number.

    Example:
        >>> [part.tolist() for part in consecutive(np.array([4, 5, 6, 0, 1]))]
        [[4, 5, 6], [0, 1]]
    """
    return [part for part in np.split(indices, np.flatnonzero(np.diff(indices) != 1) + 1) if len(part)]


def regular_rows(shape: Shape, indices: Indices) -> Iterator[Rows]:
    """The part as few groups of equally distant runs.

    Example:
        >>> list(regular_rows((4, 6), [np.arange(4), np.array([2, 3])]))  # two columns: four runs, six apart
        [Rows(where=(slice(0, 4, None), slice(0, 2, None)), start=2, stride=6, rows=4, run=2)]
    """
    for axis_parts in product(*(_positions(each) for each in indices)):
        sizes = [places.stop - places.start for places, _ in axis_parts]
        inner = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
        last = max((axis for axis in range(len(shape)) if sizes[axis] != shape[axis]), default=0)
        outer = last
        while outer > 0 and (outer == last or sizes[outer] == shape[outer]):
            outer -= 1  # axes outer … last − 1 make rows at equal distances
        for place in product(*(range(size) for size in sizes[:outer])):
            first = [begin + step for (_, begin), step in zip(axis_parts, (*place, *(0,) * (len(shape) - outer)), strict=True)]
            where = [slice(p.start + step, p.start + step + 1) for (p, _), step in zip(axis_parts, place, strict=False)]
            start = sum(i * distance for i, distance in zip(first, inner, strict=True))
            rows, run = math.prod(sizes[outer:last]), math.prod(sizes[last:])
            yield Rows((*where, *(p for p, _ in axis_parts[outer:])), start, inner[last - 1] if last else 0, rows, run)


def _positions(indices: NDArray[np.int64]) -> list[tuple[slice, int]]:
    """Where each consecutive piece lies in the part, and where it begins in the whole."""
    found, place = [], 0
    for piece in consecutive(indices):
        found.append((slice(place, place + len(piece)), int(piece[0])))
        place += len(piece)
    return found
