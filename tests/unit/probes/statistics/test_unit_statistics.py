import json
import math

import numpy as np
import pytest
import torch

from steadygrad.errors import InputError
from steadygrad.probes.statistics import units
from steadygrad.probes.statistics.unit_statistics import groups_of_equal


def batch(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(8, 6), (8, 6, 5), (4, 6, 9, 9)])
def test_sick_units_are_named(shape):
    x = batch(*shape)
    x[:, 1] = 0
    x[:, 2] = 0.1
    x[:, 4] = x[:, 3]
    found = units(x, axis=1, low=-30.0, high=0.05)
    assert (found.units, found.size) == (6, x[:, 0].numel())
    assert found.dead == (1,) and found.stuck == (2,)
    assert found.saturated == (2,)
    assert found.duplicate_groups == found.twins == ((3, 4),)
    assert found.saturated_at(0.01) == tuple(np.flatnonzero((x > 0.05).double().transpose(0, 1).flatten(1).mean(1) > 0))


def test_numbers_per_unit_are_those_of_torch():
    x = batch(5, 7, 11).double()
    found = units(x, axis=1)
    assert np.allclose(found.mean, x.mean((0, 2)), rtol=0, atol=1e-15)
    assert np.allclose(found.q, x.square().mean((0, 2)), rtol=1e-14)
    assert np.allclose(found.variance, x.var((0, 2), correction=0), rtol=1e-13)
    assert np.array_equal(found.absmax, x.abs().amax((0, 2)))
    assert not found.outside.any() and not found.zero_share.any()


def test_entries_that_are_not_finite_stay_in_their_unit():
    x = torch.ones(4, 3)
    x[0, 1], x[1, 1], x[:, 2] = math.nan, math.inf, math.nan
    found = units(x, axis=-1, low=0.0, high=2.0)
    assert found.axis == 1
    assert found.nonfinite.tolist() == [0, 2, 4]
    assert found.sum.tolist() == [4.0, 2.0, 0.0] and found.absmax.tolist() == [1.0, 1.0, 0.0]
    assert found.outside.tolist() == [0, 1, 0]
    assert found.mean[1] == 1.0 and math.isnan(found.mean[2]) and math.isnan(found.q[2])


def test_dead_and_stuck_copies_are_groups_but_not_twins():
    x = torch.zeros(3, 4)
    x[:, 2:] = 1.0
    found = units(x, axis=1)
    assert found.duplicate_groups == ((0, 1), (2, 3)) and found.twins == ()
    assert found.outside_share.tolist() == [0, 0, 0, 0]


def test_order_of_entries_matters_to_copies():
    x = torch.tensor([[1.0, 2.0], [2.0, 1.0]])  # same sums, same squares, same maxima
    assert units(x, axis=1).duplicate_groups == ()


def test_one_entry_is_not_stuck_and_none_is_not_dead():
    assert units(torch.tensor([[3.0, 4.0]]), axis=1).stuck == ()
    empty = units(torch.empty(0, 3), axis=1)
    assert (empty.units, empty.size, empty.dead, empty.duplicate_groups) == (3, 0, (), ())
    assert units(torch.empty(3, 0), axis=1).units == 0


def test_groups_in_order():
    assert groups_of_equal(np.array([5, 1, 5, 2, 1, 5, 9], np.uint64)) == ((0, 2, 5), (1, 4))
    assert groups_of_equal(np.array([], np.uint64)) == ()
    assert groups_of_equal(np.array([1, 1], np.uint64)) == ((0, 1),)


def test_dictionary_lists_units():
    x = torch.zeros(4, 2)
    x[:, 1] = torch.arange(4)
    plain = json.loads(json.dumps(units(x, 1).to_dict(), allow_nan=False))
    assert plain == {
        "axis": 1,
        "size": 4,
        "units": 2,
        "dead": [0],
        "stuck": [],
        "saturated": [],
        "duplicate_groups": [],
    }


def test_missing_axes_are_refused():
    with pytest.raises(InputError, match=r"axis 2 must be one of the 2 axes .* got shape \(3, 4\)"):
        units(torch.ones(3, 4), axis=2)
    with pytest.raises(InputError, match=r"axis 0 must be one of the 0 axes .* moments\(\) for a scalar"):
        units(torch.tensor(1.0), axis=0)
    with pytest.raises(InputError, match=r"units: a torch.Tensor is read, got list"):
        units([1.0], axis=0)
