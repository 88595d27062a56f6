"""Laws of whole networks that hold for every activation, scale and depth."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadygrad.theory import activations, gaussian, maps
from steadygrad.theory.activations.kinks import find_kinks
from steadygrad.theory.convolution import fourier_factors
from steadygrad.theory.dropout import dropout_q_star
from steadygrad.theory.free_product import moments_from_s, power, s_series
from steadygrad.theory.jacobian_spectrum import jacobian_spectrum
from steadygrad.theory.layer_norm import layer_norm_growth
from steadygrad.theory.phase import phase_at
from steadygrad.theory.residual import residual_stream
from steadygrad.theory.transformer import Branch, transformer_growth

SMOOTH = sorted(set(activations.MAKERS) - {"exp", "square", "hardshrink", "threshold"})
names = st.sampled_from(SMOOTH)
weights = st.floats(0.01, 5.0)


@given(names, weights, st.floats(0.0, 1.0))
@settings(max_examples=12, deadline=None)
def test_phases_are_what_chi_1_says(name: str, weight: float, bias: float) -> None:
    found = phase_at(activations.get(name), weight, bias)
    assert {"ordered": found.chi_1 < 1.0, "chaotic": found.chi_1 > 1.0, "critical": abs(found.chi_1 - 1.0) < 2e-3}[found.kind]
    assert found.trainable_depth >= 0.0 and found.xi_grad >= 0.0
    if 0.0 < found.q < math.inf and found.kind == "ordered":
        assert found.xi_c == pytest.approx(found.xi_grad) or found.c < 1.0


@given(names, weights, st.floats(0.0, 1.0), st.floats(0.0, 0.95))
@settings(max_examples=25, deadline=None)
def test_dropout_is_larger_weights_to_lengths(name: str, weight: float, bias: float, p: float) -> None:
    phi = activations.get(name)
    assert dropout_q_star(phi, weight, bias, p).q == maps.q_star(phi, weight / (1.0 - p), bias).q


@given(st.lists(st.floats(0.05, 20.0), min_size=3, max_size=12), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_relative_variances_of_free_products_add(values: list[float], depth: int) -> None:
    """m₂/m₁² − 1 of a product is the sum over its factors, for any spectrum."""
    v = np.array(values) / np.mean(values)
    series = s_series([np.mean(v**k) for k in (1, 2, 3)])
    found = moments_from_s(power(series, depth))
    assert found[0] == pytest.approx(1.0, rel=1e-9)
    assert found[1] - 1.0 == pytest.approx(depth * np.var(v), rel=1e-8, abs=1e-10)


@given(names, st.floats(0.01, 10.0), st.integers(1, 50))
@settings(max_examples=30, deadline=None)
def test_gaussian_weights_spread_more_than_orthogonal_ones(name: str, q: float, depth: int) -> None:
    phi = activations.get(name)
    loose, tight = (jacobian_spectrum(phi, 1.0, q, depth=depth, orthogonal=o).relative_variance for o in (False, True))
    assert loose - tight == pytest.approx(depth, rel=1e-9) and tight >= -1e-12


@given(names, st.floats(0.05, 5.0))
@settings(max_examples=30, deadline=None)
def test_growth_before_a_norm_does_not_know_the_scale(name: str, weight: float) -> None:
    phi = activations.get(name)
    assert layer_norm_growth(phi, weight) == pytest.approx(layer_norm_growth(phi), rel=1e-9)


@given(st.floats(0.01, 5.0), st.floats(0.1, 10.0), st.integers(1, 300))
@settings(max_examples=40, deadline=None)
def test_pre_norm_gradients_telescope_for_homogeneous_branches(variance: float, q: float, depth: int) -> None:
    """s = v: Π (1 + v/q_l) = q_L/q_0."""
    found = transformer_growth(depth, Branch(variance, variance), q=q)
    assert np.log(found.growth).sum() == pytest.approx(math.log(found.lengths[-1] / q), abs=1e-9)


@given(st.sampled_from(["relu", "leaky_relu", "abs"]), weights, st.floats(0.0, 1.5), st.floats(-1.0, 1.0))
@settings(max_examples=15, deadline=None)
def test_homogeneous_streams_grow_alike_forward_and_backward(name: str, weight: float, branch: float, c: float) -> None:
    found = residual_stream(activations.get(name), weight, depth=4, c=c, branch=branch)
    assert np.diff(np.log(found.lengths)) == pytest.approx(np.log(found.growth), abs=1e-9)
    assert np.all(np.abs(found.correlations) <= 1.0 + 1e-12)


@given(st.lists(st.floats(0.0, 5.0), min_size=1, max_size=7).filter(lambda v: sum(v) > 0.01), st.integers(7, 40))
@settings(max_examples=60, deadline=None)
def test_no_mode_outlives_the_uniform_one(taps: list[float], size: int) -> None:
    found = fourier_factors(taps, size)
    assert found[0] == pytest.approx(1.0) and np.all(found <= 1.0 + 1e-12)


@given(st.lists(st.integers(-75, 75), min_size=1, max_size=6, unique=True), st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_corners_of_piecewise_linear_functions_are_found(places: list[int], seed: int) -> None:
    """Corners at multiples of 0.1 with slopes that jump by 0.2 to 1."""
    rng = np.random.default_rng(seed)
    jumps = rng.uniform(0.2, 1.0, len(places)) * rng.choice([-1.0, 1.0], len(places))
    at = sorted(p / 10.0 for p in places)

    def phi(x: np.ndarray) -> np.ndarray:
        return 1.7 * x + sum(j * np.maximum(x - k, 0.0) for j, k in zip(jumps, at, strict=True))

    assert find_kinks(phi) == pytest.approx(at, abs=2e-7)
    bare = activations.from_callable(phi)
    tails = np.array([0.5 * math.erfc(k / math.sqrt(2.0)) for k in at])
    slopes = 1.7 + np.concatenate([[0.0], np.cumsum(jumps)])
    shares = -np.diff(np.concatenate([[1.0], tails, [0.0]]))
    assert gaussian.slope_moment(bare) == pytest.approx(float(shares @ slopes**2), rel=1e-7)
