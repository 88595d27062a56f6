import json
import math

import pytest
import torch

from steadygrad.probes.statistics import histogram
from steadygrad.probes.statistics.magnitude_histogram import HIGHEST, LOWEST


def at(found, exponent):
    return found.counts[exponent - LOWEST]


def test_bins_are_octaves():
    found = histogram(torch.tensor([1.0, -1.5, 1.99999, 2.0, 0.5, 0.0, -0.0, math.nan, math.inf]))
    assert (at(found, 0), at(found, 1), at(found, -1)) == (3, 1, 1)
    assert (found.count, found.zeros, found.nonfinite, found.binned) == (9, 2, 2, 5)
    assert len(found.counts) == HIGHEST - LOWEST + 1 and sum(found.counts) == 5


def test_subnormals_and_clipped_ends():
    found = histogram(torch.tensor([2.0**-149, 2.0**-126, 2.0**-130 * 1.5]))
    assert (at(found, -149), at(found, -126), at(found, -130)) == (1, 1, 1)
    found = histogram(torch.tensor([1e-200, 1e200, 2.0**128, 2.0**127], dtype=torch.float64))
    assert (at(found, LOWEST), at(found, HIGHEST), at(found, 127)) == (1, 2, 1)


def test_shares_say_what_half_precision_does():
    x = torch.tensor([65504.0, 65503.0, 1e6, 2.0**-24, 2.0**-25, 2.0**-14, 2.0**-15, 1.0])
    found = histogram(x)
    half = x.half()
    assert found.fp16_overflow_share == 2 / 8
    assert found.fp16_underflow_share == 1 / 8 == (half == 0).float().mean()
    assert found.fp16_subnormal_share == 3 / 8
    assert found.fp16_unrepresentable_share == 3 / 8
    found = histogram(torch.tensor([2.0**-133, 2.0**-134, 2.0**-127, 2.0**-126, 1e39], dtype=torch.float64))
    assert (found.bf16_underflow_share, found.bf16_subnormal_share, found.bf16_overflow_share) == (0.2, 0.6, 0.2)


@pytest.mark.parametrize("p", [0.0, 0.05, 0.5, 0.95, 1.0])
def test_quantile_is_in_the_octave_of_the_true_one(p):
    x = torch.randn(10_000, generator=torch.Generator().manual_seed(0)).exp()
    true = x.sort().values[max(0, math.ceil(p * len(x)) - 1)].item()
    assert 0.5 <= histogram(x).quantile(p) / true <= 2
    assert math.isnan(histogram(torch.zeros(3)).quantile(p))


def test_sum_and_dictionary():
    one, other = torch.randn(100), torch.tensor([0.0, math.inf, 70000.0])
    assert histogram(one) + histogram(other) == histogram(torch.cat([one, other]))
    plain = json.loads(json.dumps(histogram(other).to_dict(), allow_nan=False))
    assert plain["bins"] == {"16": 1} and plain["fp16_overflow_share"] == pytest.approx(1 / 3)
    assert histogram(torch.empty(0)).fp16_unrepresentable_share == 0.0
