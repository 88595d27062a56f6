"""Kernels known in advance, against interpolation and Fourier transforms written by others."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from steadygrad import schemes
from steadygrad.randomness.assembly import draw
from steadygrad.randomness.law import Fans

ONE = Fans(1.0, 1.0)


@pytest.mark.parametrize("stride", [2, 3, 4, 5])
def test_bilinear_transposed_convolution_interpolates(stride: int) -> None:
    """Like torch's own bilinear interpolation, wherever the border does not reach."""
    kernel, padding = 2 * stride - stride % 2, (stride - stride % 2) // 2 if stride % 2 == 0 else (stride - 1) // 2
    x = torch.randn(2, 3, 7, 7, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(x, scale_factor=stride, mode="bilinear", align_corners=False)
    inside = (..., slice(stride, -stride), slice(stride, -stride))
    depthwise = torch.from_numpy(draw(schemes.bilinear().law(ONE), (3, 1, kernel, kernel), name="w"))
    dense = torch.from_numpy(draw(schemes.bilinear().law(ONE), (3, 3, kernel, kernel), name="w"))
    for y in (F.conv_transpose2d(x, depthwise, stride=stride, padding=padding, groups=3), F.conv_transpose2d(x, dense, stride=stride, padding=padding)):
        assert torch.allclose(y[inside], expected[inside], atol=1e-5)


def test_bilinear_in_one_and_three_dimensions() -> None:
    line = draw(schemes.bilinear().law(ONE), (1, 1, 4), "float64", name="w")[0, 0]
    cube = draw(schemes.bilinear().law(ONE), (1, 1, 4, 3, 4), "float64", name="w")[0, 0]
    assert np.allclose(cube, line[:, None, None] * np.array([0.5, 1.0, 0.5])[:, None] * line)


def test_stft_is_the_windowed_fourier_transform() -> None:
    frame = np.random.default_rng(0).standard_normal(16)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(16) / 16)
    expected = np.fft.rfft(frame * window / np.sqrt(np.sum(window**2)))
    real, imag = (draw(schemes.stft(side, periodic=True).law(ONE), (9, 1, 16), "float64", name="w")[:, 0] @ frame for side in ("real", "imag"))
    assert np.allclose(real + 1j * imag, expected, atol=1e-12)


def test_stn_identity_leaves_coordinates_where_they_are() -> None:
    for dims, size in ((2, (1, 1, 4, 5)), (3, (1, 1, 3, 4, 5))):
        b = draw(schemes.stn_identity(dims).law(ONE), (dims * (dims + 1),), name="b")
        grid = F.affine_grid(torch.from_numpy(b).reshape(1, dims, dims + 1), size, align_corners=False)
        x = torch.randn(size, generator=torch.Generator().manual_seed(0))
        assert torch.allclose(F.grid_sample(x, grid, align_corners=False), x, atol=1e-5)
