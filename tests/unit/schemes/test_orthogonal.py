"""Orthogonal families: isometries, and rectifier networks that start linear."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from steadygrad import schemes
from steadygrad.randomness.assembly import draw
from steadygrad.randomness.law import Fans

EPS = 2.0**-23


def tensor(law: object, shape: tuple[int, ...], name: str = "w") -> torch.Tensor:
    return torch.from_numpy(draw(law, shape, name=name))


@pytest.mark.parametrize("shape", [(12, 12), (30, 12), (12, 30)])
def test_all_singular_values_are_equal(shape: tuple[int, int]) -> None:
    for scheme, value in ((schemes.orthogonal(0.5), 1.0), (schemes.scaled_orthogonal(), 2.0 * max(shape[0] / shape[1], 1.0) ** 0.5)):
        spectrum = np.linalg.svd(draw(scheme.law(Fans(shape[1], shape[0]), 2.0), shape, name="w"), compute_uv=False)
        assert np.allclose(spectrum, value, rtol=100 * EPS)


def test_delta_orthogonal_convolution_is_an_isometry() -> None:
    w = tensor(schemes.delta_orthogonal().law(Fans(72.0, 108.0)), (12, 8, 3, 3))
    x = torch.randn(2, 8, 9, 9, generator=torch.Generator().manual_seed(0))
    y = F.conv2d(x, w, padding=1)
    assert torch.allclose(y.square().sum((1, 2, 3)), x.square().sum((1, 2, 3)), rtol=1000 * EPS)


def test_flattened_orthogonal_convolution_is_none() -> None:
    w = tensor(schemes.orthogonal().law(Fans(72.0, 108.0)), (12, 8, 3, 3))
    smooth = torch.ones(1, 8, 9, 9)
    y = F.conv2d(smooth, w, padding=1)[..., 1:-1, 1:-1]
    assert not 0.8 < (y.square().mean() * 12 / 8).item() < 1.25


def test_groups_get_matrices_of_their_own() -> None:
    w = draw(schemes.orthogonal(groups=3).law(Fans(4.0, 4.0)), (12, 4), name="w").reshape(3, 4, 4)
    for part in w:
        assert np.allclose(part @ part.T, np.eye(4), atol=100 * EPS)
    assert not np.allclose(w[0], w[1], atol=0.1)


def test_looks_linear_network_of_concatenated_rectifiers_is_linear() -> None:
    """Ten layers of width 16 at ReLU's gain: f(x + y) = f(x) + f(y), and |f(x)| = |x|."""
    law = schemes.looks_linear().law(Fans(32.0, 16.0), 2.0**0.5)

    def network(z: torch.Tensor) -> torch.Tensor:
        for layer in range(10):
            z = torch.cat([z.relu(), (-z).relu()], -1) @ tensor(law, (16, 32), f"layers.{layer}").T
        return z

    x, y = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(network(x + y), network(x) + network(y), atol=1e-4)
    assert torch.allclose(network(x).norm(dim=1), x.norm(dim=1), rtol=1e-4)


def test_mirrored_looks_linear_needs_plain_relu_only() -> None:
    law = schemes.looks_linear(mirror=True).law(Fans(16.0, 16.0), 2.0**0.5)
    z = torch.randn(4, 8, generator=torch.Generator().manual_seed(1))
    paired = torch.cat([z, -z], -1)
    for layer in range(5):
        paired = paired.relu() @ tensor(law, (16, 16), f"layers.{layer}").T
        assert torch.allclose(paired[:, :8], -paired[:, 8:], atol=1e-5)
    assert torch.allclose(paired[:, :8].norm(dim=1), z.norm(dim=1), rtol=1e-4)


def test_looks_linear_convolution() -> None:
    w = tensor(schemes.looks_linear(delta=True).law(Fans(72.0, 36.0), 2.0**0.5), (4, 8, 3, 3))
    z = torch.randn(1, 4, 6, 6, generator=torch.Generator().manual_seed(2))
    y = F.conv2d(torch.cat([z.relu(), (-z).relu()], 1), w, padding=1)
    assert torch.allclose(y.square().sum(), z.square().sum(), rtol=1e-4)
