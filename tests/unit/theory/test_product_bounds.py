"""Bounds on products against sampled products."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steadygrad.errors import InputError
from steadygrad.theory.product_bounds import definite_bounds, horn_bounds, product_bounds


@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_singular_values_of_products_stay_inside(n: int, count: int, seed: int) -> None:
    """In logs; float64 knows small singular values to 1e-13 of the largest."""
    factors = np.random.default_rng(seed).normal(size=(count, n, n))
    values = [np.linalg.svd(f, compute_uv=False) for f in factors]
    product = np.linalg.multi_dot(factors) if count > 1 else factors[0]
    logs = np.log(np.linalg.svd(product, compute_uv=False) + 1e-300)
    slack = 1e-12 * math.exp(product_bounds(values).highest - logs[-1])
    bounds = product_bounds(values)
    assert bounds.lowest - slack <= logs[-1] and logs[0] <= bounds.highest + 1e-12
    horn = horn_bounds(values)
    assert np.all(np.cumsum(logs)[:-1] <= horn[:-1] + slack)
    assert logs.sum() == pytest.approx(horn[-1], abs=1e-9 + n * slack)
    assert np.log(np.abs(np.linalg.eigvals(product)).max() + 1e-300) <= logs[0] + 1e-9  # Weyl


@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_eigenvalues_of_definite_products(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = (m @ m.T + 0.1 * np.eye(n) for m in rng.normal(size=(2, n, n)))
    found = np.linalg.eigvals(first @ second).real
    low, high = definite_bounds(np.linalg.eigvalsh(first), np.linalg.eigvalsh(second))
    assert math.log(found.min()) >= low - 1e-8 and math.log(found.max()) <= high + 1e-8


def test_eigenvalues_of_factors_bound_nothing() -> None:
    """[[0, 9], [0, 0]] and its transpose have eigenvalues 0 only; their product has 81."""
    upper = np.array([[0.0, 9.0], [0.0, 0.0]])
    assert np.abs(np.linalg.eigvals(upper)).max() == 0.0
    assert np.linalg.eigvals(upper @ upper.T).max() == pytest.approx(81.0)
    assert product_bounds([np.linalg.svd(m, compute_uv=False) for m in (upper, upper.T)]).highest == pytest.approx(math.log(81.0))


def test_ten_thousand_factors() -> None:
    assert product_bounds([[3.0, 0.1]] * 10_000).highest == pytest.approx(10_000 * math.log(3.0))
    assert product_bounds([[1.0, 0.0]]).lowest == -math.inf


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match=r"there must be at least one factor, got \[\]"):
        product_bounds([])
    with pytest.raises(InputError, match=r"finite and at least 0, got \[1.0, -1.0\]"):
        product_bounds([[1.0, -1.0]])
    with pytest.raises(InputError, match=r"of one size, got \[2, 1\] singular values"):
        horn_bounds([[1.0, 1.0], [1.0]])
    with pytest.raises(InputError, match=r"eigenvalues must be positive, got \[0.0, 1.0\]"):
        definite_bounds([0.0, 1.0], [1.0, 1.0])
