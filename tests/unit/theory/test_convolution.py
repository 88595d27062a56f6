"""Fourier modes of a convolution against simulated convolutions."""

import math

import numpy as np
import pytest

from steadygrad.errors import InputError
from steadygrad.theory.convolution import fourier_factors, mode_depth_scales


def test_equal_taps_are_a_dirichlet_kernel() -> None:
    """|λ_k| = |sin(3πk/n)/(3 sin(πk/n))|."""
    k = np.arange(1, 16)
    exact = np.abs(np.sin(3.0 * np.pi * k / 16) / (3.0 * np.sin(np.pi * k / 16)))
    assert fourier_factors([2.0, 2.0, 2.0], 16)[1:] == pytest.approx(exact, abs=1e-14)


def test_two_axes_multiply() -> None:
    row, column = np.array([1.0, 2.0, 1.0]), np.array([0.0, 1.0, 3.0])
    both = fourier_factors(np.outer(column, row), (8, 6))
    assert both == pytest.approx(np.outer(fourier_factors(column, 8), fourier_factors(row, 6)), abs=1e-15)


def test_delta_kernels_keep_every_mode_at_criticality() -> None:
    assert np.all(np.isinf(mode_depth_scales(1.0, [[0, 0, 0], [0, 1, 0], [0, 0, 0]], 7)))
    assert mode_depth_scales(0.5, [0, 1, 0], 4) == pytest.approx(np.full(4, 1.0 / math.log(2.0)))


@pytest.mark.parametrize("taps", [[1.0, 1.0, 1.0], [0.2, 0.7, 0.1]])
def test_lengths_of_a_simulated_layer(taps: list[float]) -> None:
    """A circular convolution without activation, where the length map is linear: mode k shrinks by σ_w²·λ_k exactly.

    100 draws × 200 channels, each entry's square with relative variance 2, once for inputs and once for weights; a mode of
    n positions averages n/2 of them.
    """
    rng, n, channels, weight, draws = np.random.default_rng(3), 8, 200, 1.5, 100
    share, k = np.array(taps) / np.sum(taps), 2.0 * np.pi * np.arange(n) / n
    lengths = 1.0 + 0.4 * np.cos(k) + 0.4 * np.cos(2.0 * k)
    total = np.zeros(n)
    for _ in range(draws):
        x = rng.normal(size=(channels, n)) * np.sqrt(lengths)
        kernel = rng.normal(size=(3, channels, channels)) * np.sqrt(weight * share / channels)[:, None, None]
        h = sum(kernel[b] @ np.roll(x, b - 1, axis=1) for b in range(3))
        total += np.mean(h**2, axis=0) / draws
    seen = np.abs(np.fft.fft(total))[1:3] * 2.0 / n
    tolerance = 5.0 * weight * math.sqrt(2.0 * 2.0 / (draws * channels)) * math.sqrt(2.0 / n)
    assert seen == pytest.approx(0.4 * weight * fourier_factors(taps, n)[1:3], abs=tolerance)
    assert seen.min() > 3.0 * tolerance


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match=r"must be at least 0 and not all 0, got \[1.0, -1.0\]"):
        fourier_factors([1.0, -1.0], 4)
    with pytest.raises(InputError, match=r"must hold the kernel of shape \(3,\), got \(2,\)"):
        fourier_factors([1.0, 1.0, 1.0], 2)
    with pytest.raises(InputError, match="`slope` must be at least 0, got -0.5"):
        mode_depth_scales(-0.5, [1.0], 2)
