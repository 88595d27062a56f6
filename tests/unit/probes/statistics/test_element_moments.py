import json
import math

import pytest
import torch

from steadygrad.probes.statistics import Moments, moments


def test_moments_of_a_small_tensor():
    found = moments(torch.tensor([[1.0, -3.0], [0.0, 2.0]]))
    assert found == Moments(4, 0.0, 14.0, 3.0, 1, 0, 0, 0)
    assert (found.mean, found.q, found.rms, found.norm) == (0.0, 3.5, math.sqrt(3.5), math.sqrt(14))
    assert (found.variance, found.std, found.zero_share, found.nonfinite_share) == (3.5, math.sqrt(3.5), 0.25, 0.0)


def test_what_is_not_finite_is_counted_and_left_out():
    found = moments(torch.tensor([2.0, math.nan, math.inf, -math.inf, -math.inf]))
    assert found == Moments(5, 2.0, 4.0, 2.0, 0, 1, 1, 2)
    assert (found.finite, found.nonfinite, found.mean, found.nonfinite_share) == (1, 4, 2.0, 0.8)


def test_nothing_to_average_is_nan_and_none_in_json():
    for found in (moments(torch.empty(0, 3)), moments(torch.tensor([math.nan]))):
        assert all(math.isnan(value) for value in (found.mean, found.q, found.rms, found.variance, found.std))
        plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        assert plain["q"] is None and plain["count"] == found.count
    assert moments(torch.empty(0)).zero_share == 0.0


def test_small_and_large_gradients_keep_their_norm():
    assert moments(torch.full((100,), 1e-30)).rms == pytest.approx(1e-30, rel=1e-7)
    assert moments(torch.full((100,), 1e30)).rms == pytest.approx(1e30, rel=1e-7)


def test_variance_of_a_constant_is_not_negative():
    assert moments(torch.full((1000,), 0.1)).variance <= 2**-51 * 0.01


def test_sum_is_the_concatenation():
    one, other = torch.randn(700), torch.cat([torch.zeros(5), torch.tensor([math.nan, -9.0, math.inf])])
    both, whole = moments(one) + moments(other), moments(torch.cat([one, other]))
    assert both.to_dict() == pytest.approx(whole.to_dict(), rel=1e-5)  # 16 · 2⁻²⁴ of Σ|x|, which is some times |Σx|
    assert (both.count, both.absmax, both.zeros, both.nan, both.posinf) == (708, 9.0, 5, 1, 1)
