"""Constants of normalizer-free networks against mpmath and a sampled stream."""

import mpmath
import numpy as np
import pytest

from steadygrad.errors import InputError
from steadygrad.theory import activations
from steadygrad.theory.normalizer_free import nonlinearity_gain, stream_scales

EXACT = {
    "relu": lambda x: max(x, 0),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "gelu": lambda x: x * mpmath.ncdf(x),
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "elu": lambda x: x if x > 0 else mpmath.expm1(x),
}


@pytest.mark.parametrize("name", EXACT)
def test_gains_against_mpmath(name: str) -> None:
    def average(f: object) -> mpmath.mpf:
        return mpmath.quad(lambda x: f(x) * mpmath.npdf(x), [-12, -4, 0, 4, 12])

    phi = EXACT[name]
    mean = average(phi)
    exact = 1 / mpmath.sqrt(average(lambda x: (phi(x) - mean) ** 2))
    assert nonlinearity_gain(activations.get(name)) == pytest.approx(float(exact), rel=1e-10)


def test_a_sampled_stream_has_the_scales() -> None:
    """Standardized Gaussian branches: Var after block l is β²; 40 000 samples of variance 2."""
    rng, x, alpha = np.random.default_rng(0), np.random.default_rng(1).normal(size=40_000), 0.5
    for stage in stream_scales([3, 4], alpha):
        for index, beta in enumerate(stage):
            assert x.var() == pytest.approx(beta**2, rel=5.0 * np.sqrt(2.0 / 40_000))
            x = (x / beta if index == 0 else x) + alpha * rng.normal(size=x.size)


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match="`threshold` must vary, got Var"):
        nonlinearity_gain(activations.get("threshold", threshold=50.0, value=1.0))
    with pytest.raises(InputError, match=r"got \[3, 0\]"):
        stream_scales([3, 0])
    with pytest.raises(InputError, match="`alpha` must be at least 0, got -0.1"):
        stream_scales([3], -0.1)
