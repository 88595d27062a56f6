"""Laws of the statistics: order of entries, splitting a batch, scaling, negation."""

import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from steadygrad.probes.statistics import histogram, moments, units

entries = st.floats(width=32, allow_nan=True, allow_infinity=True, allow_subnormal=True)
tensors = arrays.arrays(np.float32, st.integers(0, 1200), elements=entries).map(torch.from_numpy)
batches = arrays.arrays(np.float32, arrays.array_shapes(min_dims=3, max_dims=3, max_side=12), elements=entries)


def counts(found):
    return found.count, found.absmax, found.zeros, found.nan, found.posinf, found.neginf


def close(one, other):
    """Sums within 2 · (16 · 2⁻²⁴ + n · 2⁻⁵³) of the sum of magnitudes; Σ|x| <= √(n Σx²)."""
    slack = 2 * (16 * 2**-24 + max(one.count, 1) * 2**-53)
    assert abs(one.square - other.square) <= slack * one.square
    assert abs(one.sum - other.sum) <= slack * math.sqrt(one.count * one.square) * (1 + 1e-9)


@settings(deadline=None)
@given(tensors, st.randoms(use_true_random=False))
def test_order_changes_rounding_only(x, random):
    order = list(range(len(x)))
    random.shuffle(order)
    shuffled = x[order]
    assert counts(moments(x)) == counts(moments(shuffled))
    close(moments(x), moments(shuffled))
    assert histogram(x) == histogram(shuffled)


@settings(deadline=None)
@given(tensors, st.integers(0, 1200))
def test_parts_add_up_to_the_whole(x, cut):
    whole, parts = moments(x), moments(x[:cut]) + moments(x[cut:])
    assert counts(whole) == counts(parts)
    close(whole, parts)
    assert histogram(x[:cut]) + histogram(x[cut:]) == histogram(x)


@settings(deadline=None)
@given(tensors)
def test_histogram_and_moments_count_the_same(x):
    first, second = moments(x), histogram(x)
    assert (first.count, first.zeros, first.nonfinite) == (second.count, second.zeros, second.nonfinite)
    assert sum(second.counts) == second.binned >= 0
    if second.binned:
        assert second.counts[max(0, math.frexp(first.absmax)[1] - 1 + 150)] > 0


@settings(deadline=None)
@given(tensors)
def test_doubling_is_exact(x):
    x = torch.where(x.abs() < 2.0**125, x, 0.0)  # short sums are scaled down by 2¹²⁶ at most
    one, two = moments(x), moments(2 * x)
    assert (two.sum, two.square, two.absmax) == (2 * one.sum, 4 * one.square, 2 * one.absmax)
    assert moments(-x).sum == -one.sum


@settings(deadline=None)
@given(batches, st.data())
def test_copied_units_and_only_they_are_found(x, data):
    x = torch.from_numpy(x)
    source, copy = (data.draw(st.integers(0, x.shape[1] - 1)) for _ in range(2))
    x[:, copy] = x[:, source]
    bits = x.view(torch.int32).transpose(0, 1).flatten(1)
    rows = {}
    for unit, row in enumerate(map(tuple, bits.tolist())):
        rows.setdefault(row, []).append(unit)
    expected = tuple(tuple(group) for group in rows.values() if len(group) > 1)
    assert units(x, 1).duplicate_groups == tuple(sorted(expected))


@settings(deadline=None)
@given(batches)
def test_units_together_are_the_whole(x):
    x = torch.from_numpy(x)
    found, whole = units(x, 1), moments(x)
    assert (found.zeros.sum(), found.nonfinite.sum(), found.absmax.max()) == (
        whole.zeros,
        whole.nonfinite,
        whole.absmax,
    )
    assert abs(found.square.sum() - whole.square) <= (16 * 2**-24 + whole.count * 2**-52) * whole.square
