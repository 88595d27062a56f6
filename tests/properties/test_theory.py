"""Laws that hold for every scale, correlation and activation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadygrad.theory import activations, gaussian, maps

SMOOTHED = sorted(set(activations.MAKERS) - {"exp", "square", "hardshrink"})
names = st.sampled_from(SMOOTHED)
lengths = st.floats(1e-3, 30.0)
correlations = st.floats(-1.0, 1.0)


@given(names, lengths)
@settings(max_examples=60, deadline=None)
def test_jensen_and_poincare(name: str, q: float) -> None:
    """E[φ]² ≤ E[φ²] and Var[φ(√q z)] ≤ q·E[φ′²]."""
    found = gaussian.moments(activations.get(name), q)
    assert found.mean**2 <= found.second * (1.0 + 1e-12)
    assert found.variance == pytest.approx(found.second - found.mean**2, abs=1e-12 * found.second)
    assert found.variance <= q * found.slope * (1.0 + 1e-11) + 1e-15


@given(names, lengths, correlations)
@settings(max_examples=60, deadline=None)
def test_covariance_is_bounded_by_the_second_moment(name: str, q: float, c: float) -> None:
    phi = activations.get(name)
    assert abs(gaussian.covariance(phi, q, c)) <= gaussian.second_moment(phi, q) * (1.0 + 1e-12)


@given(st.sampled_from(["relu", "leaky_relu", "abs", "identity"]), lengths, st.floats(0.1, 10.0))
@settings(max_examples=40, deadline=None)
def test_homogeneous_maps_scale(name: str, q: float, factor: float) -> None:
    phi = activations.get(name)
    assert gaussian.second_moment(phi, q * factor) == pytest.approx(factor * gaussian.second_moment(phi, q), rel=1e-12)
    assert gaussian.forward_gain(phi, q) == pytest.approx(gaussian.backward_gain(phi, q), rel=1e-12)


@given(st.sampled_from([n for n in SMOOTHED if activations.get(n).odd]), lengths, correlations)
@settings(max_examples=40, deadline=None)
def test_odd_activations_have_odd_covariance(name: str, q: float, c: float) -> None:
    phi = activations.get(name)
    there, back = gaussian.covariance(phi, q, c), gaussian.covariance(phi, q, -c)
    assert there == pytest.approx(-back, abs=1e-12 * gaussian.second_moment(phi, q) + 1e-16)


@given(names, st.floats(0.05, 3.0), st.floats(0.0, 1.0))
@settings(max_examples=40, deadline=None)
def test_where_q_settles_does_not_move(name: str, weight_variance: float, bias_variance: float) -> None:
    phi = activations.get(name)
    settled = maps.q_star(phi, weight_variance, bias_variance)
    if settled.exists:
        again = maps.length_map(phi, weight_variance, bias_variance, settled.q)
        assert again == pytest.approx(settled.q, rel=1e-9)
    else:
        assert settled.q in (0.0, math.inf)


@given(st.lists(st.floats(-5.0, 5.0), min_size=1, max_size=4), st.floats(-1.0, 1.0))
@settings(max_examples=40, deadline=None)
def test_kinked_functions_are_integrated_exactly(kinks: list[float], c: float) -> None:
    """E[1(z > k)] summed over random kinks is the normal's tail."""

    def steps(x: np.ndarray) -> np.ndarray:
        return sum((x > k).astype(float) for k in kinks)

    exact = sum(0.5 * math.erfc(k / math.sqrt(2.0)) for k in kinks)
    assert gaussian.expectation(steps, kinks=tuple(kinks)) == pytest.approx(exact, abs=1e-14)
    ones = gaussian.pair_expectation(np.ones_like, steps, c, kinks=tuple(kinks))
    assert ones == pytest.approx(exact, abs=1e-12)
