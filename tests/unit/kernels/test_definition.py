"""The NumPy definition against exact arithmetic and against the sentences of its own docstring."""

import math

import numpy as np
import pytest
import torch

from steadygrad.kernels import definition


def test_summation_orders_on_numbers_that_round():
    big = 2.0**53  # big + 1 rounds to big: the order shows in the result
    assert definition.in_turn(np.array([big, 1.0, 1.0, -big])) == 0.0
    assert definition.pairs(np.array([big, 1.0, 1.0, -big])) == 1.0
    assert definition.halves(np.array([big, 1.0, 1.0, -big])) == 1.0
    assert definition.halves(np.array([big, 1.0, -big, 1.0])) == 2.0
    assert definition.pairs(np.array([1.0, 2.0, 3.0, 4.0, 5.0])) == 15.0


@pytest.mark.parametrize("n", [0, 1, 31, 512, 513, 70_000])
@pytest.mark.parametrize("short", [True, False])
def test_moments_within_the_bound_of_exact_sums(n, short):
    x = np.random.default_rng(n).standard_normal(n).astype(np.float32 if short else np.float64) * 1000
    count, total, square, largest, zeros, *odd = definition.moments(x)
    depth = 16 + max(0, math.ceil(math.log2(max(n, 1) / 512))) + 6
    exact = [float(v) for v in x]
    once, twice = (15 * 2**-24, 16 * 2**-24) if short else (0, 0)
    assert count == n and zeros == 0 and odd == [0, 0, 0]
    assert abs(total - math.fsum(exact)) <= (once + depth * 2**-53) * math.fsum(map(abs, exact))
    assert abs(square - math.fsum(v * v for v in exact)) <= (twice + depth * 2**-53) * math.fsum(v * v for v in exact)
    assert largest == max(map(abs, exact), default=0.0)


@pytest.mark.parametrize("scale", [2.0**-149, 2.0**-140, 2.0**-100, 2.0**100, 2.0**125])
def test_squares_beyond_float32_are_summed_all_the_same(scale):
    x = np.array([1, -1, 2, -1], np.float32) * np.float32(scale)  # powers of two: every sum here is exact
    exact = [float(v) for v in x]
    assert definition.moments(x)[1:3] == (math.fsum(exact), math.fsum(v * v for v in exact))


def test_a_chunk_whose_first_block_is_no_measure_of_it_is_summed_in_float64():
    quiet = np.full(definition.BLOCK, 1e-30, np.float32)
    loud = np.random.default_rng(0).standard_normal(2000).astype(np.float32)
    x = np.concatenate([quiet, loud])
    assert definition.moments(x) == definition.moments(x.astype(np.float64))


def test_blocks_of_zeros_are_no_measure_of_a_chunk():
    """Short sums, as those of the numbers alone: nearer than 16·2⁻²⁴ to float64's, and not the same."""
    loud = np.random.default_rng(0).standard_normal(2000).astype(np.float32)
    x = np.concatenate([np.zeros(2 * definition.BLOCK, np.float32), loud])
    short, whole = definition.moments(x)[2], definition.moments(x.astype(np.float64))[2]
    assert short != whole and abs(short - whole) <= 16 * 2.0**-24 * whole


def test_variance_beside_a_large_mean_keeps_the_digits_of_float64():
    x = (1000 + np.random.default_rng(0).standard_normal(40_000) / 1000).astype(np.float32)
    count, total, square, *_ = definition.moments(x)
    assert square / count - (total / count) ** 2 == pytest.approx(float(x.astype(np.float64).var()), rel=1e-3)  # 2⁻⁵² q / variance = 2e-4


def test_each_chunk_is_summed_as_serves_it():
    chunk = np.random.default_rng(0).standard_normal(definition.CHUNK).astype(np.float32)
    far = chunk + 10
    ours = [definition.moments(part)[1] for part in (chunk, far, np.concatenate([chunk, far]))]
    assert ours[2] == pytest.approx(ours[0] + ours[1], rel=1e-14)
    assert ours[0] != definition.moments(chunk.astype(np.float64))[1] and ours[1] == definition.moments(far.astype(np.float64))[1]


def test_pieces_do_not_change_the_order(monkeypatch):
    x = np.random.default_rng(0).standard_normal(200_000)
    whole = definition.moments(x)
    monkeypatch.setattr(definition, "PIECE", definition.CHUNK)
    assert definition.moments(x) == whole


def test_moments_count_what_is_not_finite():
    x = np.array([1, -2, np.nan, np.inf, np.inf, -np.inf, 0.0, -0.0])
    assert definition.moments(x) == (8, -1.0, 5.0, 2.0, 2, 1, 2, 1)


def test_histogram_places_every_power_of_two():
    exponents = np.arange(-149, 128)
    counts, *_ = definition.histogram(np.ldexp(np.float32(1), exponents))
    assert counts == (0, *[1] * 277, 0)
    counts, count, zeros, nonfinite, large = definition.histogram(np.array([1e-300, 1e300, 0, np.nan, 65504, -65503.9]))
    assert counts[0] == counts[-1] == 1 and counts[15 + 150] == 2
    assert (count, zeros, nonfinite, large) == (6, 1, 1, 2)


@pytest.mark.parametrize("shape", [(7, 5, 1), (9, 4, 3), (3, 2, 63), (3, 2, 64), (2, 3, 3000)])
def test_units_within_the_bound_of_exact_sums(shape):
    x = np.random.default_rng(1).standard_normal(shape)
    total, square, largest, zeros, nonfinite, outside, constant, _ = definition.units(x, -1.0, 1.0)
    depth = shape[0] + math.ceil(shape[2] / 32) + 6
    for unit in range(shape[1]):
        entries = x[:, unit].ravel()
        assert abs(total[unit] - math.fsum(entries)) <= depth * 2**-53 * math.fsum(abs(entries))
        assert abs(square[unit] - math.fsum(entries**2)) <= (depth + 1) * 2**-53 * math.fsum(entries**2)
        assert largest[unit] == abs(entries).max()
        assert outside[unit] == sum(abs(entries) > 1)
    assert not zeros.any() and not nonfinite.any() and not constant.any()


def test_hash_sees_values_places_and_signs():
    base = np.random.default_rng(2).standard_normal((3, 1, 2000)).astype(np.float32)
    variants = [base.copy() for _ in range(6)]
    variants[1][0, 0, 0] = np.nextafter(base[0, 0, 0], np.float32(9))
    variants[2][2, 0, [5, 6]] = base[2, 0, [6, 5]]
    variants[3][[0, 1]] = base[[1, 0]]
    variants[4][..., [0, 1024]] = base[..., [1024, 0]]
    variants[5][1, 0, 7] = -base[1, 0, 7]
    hashes = [int(definition.hashes(v.view(np.uint32))[0]) for v in [*variants, base]]
    assert len(set(hashes[:6])) == 6 and hashes[6] == hashes[0]
    signs = np.array([0.0, -0.0], np.float32).reshape(1, 2, 1)
    assert len(set(definition.hashes(signs.view(np.uint32)).tolist())) == 2


@pytest.mark.parametrize("dtype", [np.uint32, np.uint64])
def test_hash_keeps_200_thousand_one_hot_units_apart(dtype):
    units = np.zeros((1, 447, 447), dtype)
    units[0, np.arange(447), np.arange(447)] = np.float64(1).view(np.uint64) >> (32 if dtype == np.uint32 else 0)
    found = np.concatenate([definition.hashes(np.roll(units, k, axis=2) + dtype(k)) for k in range(447)])
    assert len(np.unique(found)) == 447 * 447


@pytest.mark.parametrize("brain", [True, False])
def test_widened_is_torchs_conversion_of_all_65536_patterns(brain):
    bits = np.arange(1 << 16, dtype=np.uint16)
    short = torch.from_numpy(bits.view(np.int16)).view(torch.bfloat16 if brain else torch.float16)
    ours, theirs = definition.widened(bits, brain), short.float().numpy()
    assert np.array_equal(ours, theirs, equal_nan=True)
    assert np.array_equal(np.signbit(ours), bits >> 15 == 1)


@pytest.mark.parametrize("limit", [0.1, -0.1, 1.0, 1e-50, -1e-50, 1e300, -1e300])
def test_threshold_splits_float32_as_the_exact_comparison_does(limit):
    centre = np.float32(max(min(limit, 3e38), -3e38))
    near = [centre, np.nextafter(centre, np.float32(np.inf)), np.nextafter(centre, np.float32(-np.inf))]
    low, high = definition.threshold(limit, limit, wide=False)
    assert np.float32(low) == low and np.float32(high) == high
    for x in [near[0], *(n for n in near[1:] if np.isfinite(n))]:
        assert (x < np.float32(low)) == (float(x) < limit)
        assert (x > np.float32(high)) == (float(x) > limit)
    assert definition.threshold(limit, None, wide=True) == (limit, np.inf)
