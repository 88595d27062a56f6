"""Convolutions: what spreads over positions decays mode by mode, fastest at the highest spatial frequency.

A kernel whose tap β has variance σ_w²·v_β/c_in (Σ v_β = 1) averages covariances over positions with the weights v. On a
circular grid its Fourier modes are eigenvectors: mode k of a small perturbation is multiplied per layer by

    χ·λ_k,   λ_k = Σ_β v_β e^{2πi kβ/n}        λ_0 = 1: the uniform mode behaves like a fully connected network

with χ = χ∥ for lengths and the slope of the correlation map at c* for correlations. Equal taps give a low-pass filter;
all variance in one tap (delta kernels) gives |λ_k| = 1 for every mode, so images survive depth.
Source: Xiao et al. 2018, arXiv:1806.05393.
"""

import numpy as np
from numpy.typing import ArrayLike

from steadygrad.errors import InputError
from steadygrad.theory.activation import Array
from steadygrad.theory.depth_scale import e_folds


def fourier_factors(tap_variances: ArrayLike, size: int | tuple[int, ...]) -> Array:
    """|λ_k| of every mode k on a circular grid: shape `size`, real, λ at index 0 is 1.

    Args:
        tap_variances: variances of the kernel's taps, (k,) or (k₁, k₂, …), relative to each other.
        size: positions along each axis.

    Exact for circular padding and stride 1; zero padding loses variance at borders, and stride aliases modes.

    Raises:
        InputError: negative or all-zero variances, or a grid smaller than the kernel.

    Example:
        >>> fourier_factors([1, 1, 1], 6).round(6).tolist()
        [1.0, 0.666667, 0.0, 0.333333, 0.0, 0.666667]
        >>> fourier_factors([0, 1, 0], 6).round(6).tolist()
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    taps = np.asarray(tap_variances, dtype=np.float64)
    grid = (size,) * taps.ndim if isinstance(size, int) else tuple(size)
    if not (taps.size and np.all(taps >= 0.0) and taps.sum() > 0.0 and np.isfinite(taps).all()):
        raise InputError(f"`tap_variances` must be at least 0 and not all 0, got {taps.tolist()!r}")
    if len(grid) != taps.ndim or any(n < k for n, k in zip(grid, taps.shape, strict=True)):
        raise InputError(f"`size` must hold the kernel of shape {taps.shape}, got {grid}")
    return np.abs(np.fft.fftn(taps / taps.sum(), s=grid, axes=tuple(range(taps.ndim))))


def mode_depth_scales(slope: float, tap_variances: ArrayLike, size: int | tuple[int, ...]) -> Array:
    """ξ_k = 1/|log(χ λ_k)| in layers, for every mode; 0 where one layer removes it, ∞ where it is kept.

    `slope` is χ∥ for lengths (`maps.length_slope`), or the correlation map's slope at c* for correlations.

    Raises:
        InputError: a negative slope, or what `fourier_factors` refuses.

    Example:
        >>> mode_depth_scales(1.0, [1, 1, 1], 6)[:2].round(4).tolist()  # critical, and still: e-folds every 2.5 layers
        [inf, 2.4663]
    """
    if not slope >= 0.0:
        raise InputError(f"`slope` must be at least 0, got {slope!r}")
    factors = slope * fourier_factors(tap_variances, size)
    return np.vectorize(e_folds, otypes=[np.float64])(np.where(factors < 1e-15, 0.0, factors))
