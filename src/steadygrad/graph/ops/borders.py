"""Positions near a border: what zero padding takes from signals and gradients there, layer after layer.

A kernel of independent entries sums q over the taps that lie inside, so that per axis the profile u of second moments over positions becomes
M·u/k with M the 0/1 matrix of taps. Its leading eigenvalue, not the mean share of taps inside, is what a deep chain loses per layer: at 7 × 7 and
3 × 3 that is 0.90, where the mean says 0.82. A kernel with nothing but its centre tap (delta-orthogonal) loses nothing.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from steadygrad.graph.ops.flow import Array, Passage, Profile

EVEN: Profile = ()
LONGEST = 2048  # positions of an axis that are followed one by one: sound has 10⁵, of which borders are nothing, and a matrix of those fits nowhere


def _matrices(at: Passage) -> list[tuple[Array, int, int]] | None:
    """Per spatial axis: taps (outputs × inputs), kernel size, stride; None where the op is no convolution or its shapes are not known."""
    stride, padding = at.node.options.get("stride"), at.node.options.get("padding")
    if not isinstance(stride, tuple) or padding is None or not at.shapes or not at.node.outputs:
        return None
    dims, transposed = len(stride), bool(at.node.options.get("transposed"))
    kernel = next(use for use in at.node.uses if use.role == "weight").shape[-dims:]
    gaps = at.node.options.get("dilation", (1,) * dims)
    inputs, outputs = at.shapes[0].shape[-dims:], at.node.outputs[0].shape[-dims:]
    found = []
    for axis in range(dims):
        k, gap, step = kernel[axis], gaps[axis], stride[axis]
        pad = (gap * (k - 1)) // 2 if padding == "same" else 0 if isinstance(padding, str) else padding[axis]
        from_, to = (inputs[axis], outputs[axis]) if transposed else (outputs[axis], inputs[axis])
        if max(from_, to) > LONGEST:
            return None
        taps = _taps(from_, to, k, pad, step, gap, at.centre)
        found.append((taps.T if transposed else taps, k, step))
    return found


@lru_cache(maxsize=256)
def _taps(from_: int, to: int, k: int, pad: int, step: int, gap: int, centre: bool) -> Array:
    """matrix[a, b]: how many taps lead from a to b; with `centre` the middle one counts for all."""
    taps = np.array([k // 2]) if centre else np.arange(k)
    places = np.arange(from_)[:, None] * step - pad + taps[None, :] * gap
    matrix = np.zeros((from_, to))
    a, tap = np.nonzero((places >= 0) & (places < to))
    np.add.at(matrix, (a, places[a, tap]), k / len(taps))
    return matrix


def forward(at: Passage, profile: Profile) -> tuple[float, Profile]:
    """Products that an output really sums over its fan_in, in the mean over positions, and the profile of what comes out; (1, even) for matrices."""
    return _followed(at, profile, back=False)


def backward(at: Passage, profile: Profile) -> tuple[float, Profile]:
    """The same for gradients: outputs that an input really reaches over its fan_out, in the mean over positions, and their profile there."""
    return _followed(at, profile, back=True)


def _followed(at: Passage, profile: Profile, back: bool) -> tuple[float, Profile]:
    axes = _matrices(at)
    if axes is None:
        return 1.0, EVEN
    matrices = [taps.T if back else taps for taps, *_ in axes]
    strided = bool(at.node.options.get("transposed")) != back  # positions of the side that is summed over lie a stride apart
    counts = [k / step if strided else k for _, k, step in axes]
    rows = [m @ u / n for m, u, n in zip(matrices, _fitting(profile, [m.shape[1] for m in matrices]), counts, strict=True)]
    return float(np.prod([row.mean() for row in rows])), _scaled(rows)


def carried(profile: Profile, source: Sequence[int], target: Sequence[int]) -> Profile:
    """The profile at positions that an op keeps; of maps with the same channels also those it pools or spreads evenly; even where it does something else."""
    dims = len(profile)
    if not dims or len(source) != len(target) or [len(u) for u in profile] != list(source[-dims:]):
        return EVEN
    sizes = target[-dims:]
    if tuple(source[-dims:]) == tuple(sizes):
        return profile
    whole = all(size and (len(u) % size == 0 or size % len(u) == 0) for u, size in zip(profile, sizes, strict=True))
    if not whole or tuple(source[:-dims]) != tuple(target[:-dims]):
        return EVEN
    return tuple(u.reshape(size, -1).mean(1) if len(u) >= size else np.repeat(u, size // len(u)) for u, size in zip(profile, sizes, strict=True))


def merged(profiles: Sequence[Profile], weights: Sequence[float]) -> Profile:
    """The profile of a sum of parts with these second moments."""
    total = sum(weights)
    sizes = next(([len(u) for u in profile] for profile in profiles if profile), None)
    if sizes is None or not 0.0 < total < np.inf:
        return EVEN
    fitted = [_fitting(profile, sizes) for profile in profiles]
    return tuple(sum((w / total * parts[axis] for parts, w in zip(fitted, weights, strict=True)), np.zeros(size)) for axis, size in enumerate(sizes))


def _fitting(profile: Profile, sizes: Sequence[int]) -> list[Array]:
    return list(profile) if [len(u) for u in profile] == list(sizes) else [np.ones(size) for size in sizes]


def _scaled(rows: list[Array]) -> Profile:
    return tuple(row / row.mean() for row in rows) if all(row.mean() > 0.0 for row in rows) else EVEN
