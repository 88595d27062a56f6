"""Residual streams against simulated ones and closed forms."""

import math

import numpy as np
import pytest

from steadygrad.errors import InputError
from steadygrad.theory import activations
from steadygrad.theory.residual import normalized_stream, residual_stream

RELU = activations.get("relu")


@pytest.mark.parametrize("branch", [1.0, 0.25])
def test_relu_streams_in_closed_form(branch: float) -> None:
    found = residual_stream(RELU, 2.0, depth=20, branch=branch)
    assert found.lengths == pytest.approx((1.0 + branch**2) ** np.arange(21), rel=1e-12)
    assert found.growth == pytest.approx(np.full(20, 1.0 + branch**2), rel=1e-12)


def test_a_silent_branch_keeps_everything() -> None:
    found = residual_stream(RELU, 2.0, depth=5, c=0.3, branch=0.0)
    assert found.lengths == pytest.approx(np.ones(6)) and found.correlations == pytest.approx(np.full(6, 0.3))


def test_without_a_skip_it_is_the_plain_map() -> None:
    from steadygrad.theory import maps

    tanh = activations.get("tanh")
    found = residual_stream(tanh, 1.5, 0.1, depth=1, q=0.7, c=0.2, skip=0.0)
    assert found.lengths[1] == pytest.approx(maps.length_map(tanh, 1.5, 0.1, 0.7), rel=1e-14)
    assert found.growth[0] == pytest.approx(maps.chi_1(tanh, 1.5, q=0.7), rel=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "weight", "bias", "skip", "branch"), [("tanh", 1.5, 0.1, 1.0, 1.0), ("relu", 2.0, 0.0, 0.9, 0.5)])
def test_simulated_streams(name: str, weight: float, bias: float, skip: float, branch: float) -> None:
    """Width 400, 10 blocks, 40 networks; five standard errors, and 3·depth/width for the shift of means."""
    rng, phi, n, depth = np.random.default_rng(1), activations.get(name), 400, 10
    theory = residual_stream(phi, weight, bias, depth=depth, c=0.5, skip=skip, branch=branch)
    lengths, correlations, growth = [], [], []
    for _ in range(40):
        x = rng.normal(size=(n, 2)) @ np.array([[1.0, 0.5], [0.0, math.sqrt(0.75)]])
        v = rng.normal(size=n)
        start = v @ v
        for _ in range(depth):
            weights = rng.normal(scale=math.sqrt(weight / n), size=(n, n))
            v = skip * v + branch * (weights @ (phi.derivative(x[:, 0]) * v))
            x = skip * x + branch * (weights @ phi.phi(x) + rng.normal(scale=math.sqrt(bias), size=(n, 1)))
        lengths.append(np.mean(x[:, 0] ** 2))
        correlations.append(np.mean(x[:, 0] * x[:, 1]) / math.sqrt(np.mean(x[:, 0] ** 2) * np.mean(x[:, 1] ** 2)))
        growth.append(v @ v / start)
    expected = (theory.lengths[-1], theory.correlations[-1], np.prod(theory.growth))
    for seen, value in zip((lengths, correlations, growth), expected, strict=True):
        assert np.mean(seen) == pytest.approx(value, abs=5.0 * np.std(seen) / math.sqrt(40) + 3.0 * value * depth / n)


def test_normalized_streams_grow_linearly() -> None:
    assert normalized_stream(4).tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert normalized_stream(300, skip=0.8, branch=0.6)[-1] == pytest.approx(1.0, rel=1e-12)


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match="`depth` must be .* got 0"):
        residual_stream(RELU, 2.0, depth=0)
    with pytest.raises(InputError, match="`q` must be finite and positive, got -1.0"):
        residual_stream(RELU, 2.0, depth=1, q=-1.0)
    with pytest.raises(InputError, match=r"`c` must lie in \[-1, 1\], got 2.0"):
        residual_stream(RELU, 2.0, depth=1, c=2.0)
    with pytest.raises(InputError, match="`branch` must be finite, got nan"):
        residual_stream(RELU, 2.0, depth=1, branch=float("nan"))
    with pytest.raises(InputError, match="at least 0, got -2.0 and 0.0"):
        residual_stream(RELU, -2.0, depth=1)
    with pytest.raises(InputError, match="`depth` must be .* got 0"):
        normalized_stream(0)
