"""Every norm as NumPy says it, in float64: the other road to each number. `s` is the layer's state_dict as arrays."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
State = Mapping[str, Array]
Definition = Callable[[Array, State], Array]


def affine(y: Array, s: State) -> Array:
    """γ·y + β along axis 1."""
    shape = (1, -1, *(1,) * (y.ndim - 2))
    return s["weight"].reshape(shape) * y + s["bias"].reshape(shape)


def over(axes: Callable[[int], tuple[int, ...]], eps: float = 1e-5) -> Definition:
    """(x − mean)/√(var + eps) over `axes(ndim)`."""

    def define(x: Array, s: State) -> Array:
        where = axes(x.ndim)
        return affine((x - x.mean(where, keepdims=True)) / np.sqrt(x.var(where, keepdims=True) + eps), s)

    return define


batch_norm = over(lambda ndim: (0, *range(2, ndim)))
instance_norm = over(lambda ndim: tuple(range(2, ndim)))


def mean_only(x: Array, s: State) -> Array:
    """x − mean."""
    return affine(x - x.mean((0, *range(2, x.ndim)), keepdims=True), s)


def variance_only(x: Array, s: State) -> Array:
    """x/√(var + eps)."""
    return affine(x / np.sqrt(x.var((0, *range(2, x.ndim)), keepdims=True) + 1e-5), s)


def ghost_norm(x: Array, s: State) -> Array:
    """Batch norm of each half."""
    return np.concatenate([batch_norm(part, s) for part in np.array_split(x, 2)])


def group_norm(x: Array, s: State) -> Array:
    """Two groups."""
    y = np.stack([np.concatenate([(g - g.mean()) / np.sqrt(g.var() + 1e-5) for g in np.split(sample, 2)]) for sample in x])
    return affine(y, s)


def layer_norm(x: Array, s: State) -> Array:
    """Over the last axis."""
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * s["weight"] + s["bias"]


def rms_norm(x: Array, s: State) -> Array:
    """Over the last axis."""
    return x / np.sqrt(np.mean(x * x, -1, keepdims=True) + 1e-5) * s["weight"]


def scale_norm(x: Array, s: State) -> Array:
    """Over the last axis."""
    return s["weight"] * x / np.sqrt(np.sum(x * x, -1, keepdims=True))


def filter_response_norm(x: Array, s: State) -> Array:
    """With threshold."""
    nu2 = np.mean(x * x, tuple(range(2, x.ndim)), keepdims=True)
    return np.maximum(affine(x / np.sqrt(nu2 + 1e-6), s), s["threshold"].reshape(1, -1, *(1,) * (x.ndim - 2)))


def evo_b0(x: Array, s: State) -> Array:
    """Batch against instance."""
    shape = (1, -1, *(1,) * (x.ndim - 2))
    left = np.sqrt(x.var((0, *range(2, x.ndim)), keepdims=True) + 1e-5)
    right = s["v"].reshape(shape) * x + np.sqrt(x.var(tuple(range(2, x.ndim)), keepdims=True) + 1e-5)
    return affine(x / np.maximum(left, right), s)


def evo_s0(x: Array, s: State) -> Array:
    """Two groups."""
    y = np.stack([np.concatenate([g / np.sqrt(g.var() + 1e-5) for g in np.split(sample, 2)]) for sample in x])
    return affine(y / (1 + np.exp(-s["v"].reshape(1, -1, *(1,) * (x.ndim - 2)) * x)), s)


def dynamic_tanh(x: Array, s: State) -> Array:
    """Features last."""
    return np.tanh(s["alpha"] * x) * s["weight"] + s["bias"]


def dynamic_erf(x: Array, s: State) -> Array:
    """Features last; erf by its own integral, Gauss-Legendre on 64 nodes."""
    t, w = np.polynomial.legendre.leggauss(64)
    z = s["alpha"] * x + s["shift"]
    half = z[..., None] / 2
    erf = 2 / np.sqrt(np.pi) * np.sum(np.exp(-((half * (t + 1)) ** 2)) * w, -1) * half[..., 0]
    return erf * s["weight"] + s["bias"]


def whitening(x: Array, s: State) -> Array:
    """Inverse root by eigenvectors, one group."""
    flat = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
    flat = flat - flat.mean(1, keepdims=True)
    values, vectors = np.linalg.eigh(flat @ flat.T / flat.shape[1] + 1e-5 * np.eye(len(flat)))
    y = vectors @ np.diag(values**-0.5) @ vectors.T @ flat
    return affine(np.moveaxis(y.reshape(x.shape[1], x.shape[0], *x.shape[2:]), 0, 1), s)


def probability(x: Array, s: State) -> Array:
    """To the uniform distribution by np.quantile and np.interp."""
    y = np.empty_like(x)
    for c in range(x.shape[1]):
        column = x[:, c]
        table = np.quantile(column, np.linspace(0, 1, 33))
        y[:, c] = np.clip(np.interp(column, table, np.linspace(0, 1, 33)), 0.5 / column.size, 1 - 0.5 / column.size)
    return affine(y, s)
