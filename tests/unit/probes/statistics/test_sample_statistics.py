import math

import numpy as np
import pytest
import torch

from steadygrad.probes.statistics import samples
from steadygrad.probes.statistics.sample_statistics import FEATURES, SAMPLES


def batch(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_cosines_are_those_of_torch():
    x = batch(9, 4, 5)
    flat = x.flatten(1).double()
    cosines = torch.nn.functional.cosine_similarity(flat[:, None], flat[None], dim=2).numpy()
    pairs = cosines[np.triu_indices(9, 1)]
    unit = flat / flat.norm(dim=1, keepdim=True)
    centred = unit - unit.mean(0)
    apart = torch.nn.functional.cosine_similarity(centred[:, None], centred[None], dim=2).numpy()
    found = samples(x)
    assert (found.count, found.features, found.compared) == (9, 20, 9)
    assert np.allclose(found.norms, flat.norm(dim=1), rtol=1e-12)
    assert found.cosine == pytest.approx(pairs.mean(), abs=1e-14)
    assert (found.least_cosine, found.greatest_cosine) == pytest.approx((pairs.min(), pairs.max()), abs=1e-14)
    assert found.centred_cosine == pytest.approx(np.abs(apart[np.triu_indices(9, 1)]).mean(), abs=1e-13)


def test_effective_rank_counts_directions():
    assert samples(torch.eye(6)).effective_rank == pytest.approx(6)
    assert samples(torch.cat([torch.eye(2)] * 4)).effective_rank == pytest.approx(2)
    assert samples(torch.ones(5, 8)).effective_rank == pytest.approx(1)


def test_collapsed_samples():
    found = samples(torch.ones(6, 10) * torch.arange(1.0, 7.0)[:, None])
    assert found.cosine == pytest.approx(1) and found.centred_cosine is None
    assert found.norm_spread == pytest.approx(6)
    nearly = torch.ones(6, 500) + 1e-3 * batch(6, 500)
    found = samples(nearly)
    assert 1 - found.least_cosine == pytest.approx(1e-6, rel=0.5)
    assert 0.1 < found.centred_cosine < 0.4  # of 6 centred random directions: −1/5 each, and the noise of 500 features


def test_no_more_than_the_caps_are_compared():
    x = batch(SAMPLES * 3 + 1, 4)
    assert samples(x).compared == 13  # every fourth of 49
    assert samples(batch(2, FEATURES + 1)).features == FEATURES + 1
    assert samples(batch(SAMPLES, 4)).compared == SAMPLES


def test_zero_and_infinite_samples_are_left_out_of_cosines():
    x = batch(5, 8)
    x[1], x[3, 2] = 0, math.inf
    found = samples(x)
    assert found.compared == 3 and found.norm_spread == math.inf
    assert found.to_dict()["norm_spread"] is None


def test_too_few_samples():
    one = samples(batch(1, 4))
    assert (one.compared, one.cosine, one.effective_rank, one.norm_spread) == (1, None, 1.0, 1.0)
    two = samples(batch(2, 4))
    assert two.centred_cosine is None and two.cosine is not None
    none = samples(torch.empty(0, 4))
    assert (none.count, none.compared, none.cosine, none.effective_rank, none.norm_spread) == (0, 0, None, None, 1.0)
    assert math.isnan(none.mean_norm) and samples(torch.zeros(3, 4)).norm_spread == 1.0
    assert samples(torch.empty(3, 0)).compared == 0
