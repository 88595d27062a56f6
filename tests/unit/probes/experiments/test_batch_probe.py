"""What the batch probe reads, against plain loops over the same numbers."""

import math

import pytest
import torch

from steadygrad.probes.experiments.batch_probe import QUANTILES, look_at
from steadygrad.rules.specimens import batch


@pytest.mark.parametrize("place", [(0, 0), (3, 2), (7, 4)])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_names_the_first_entry_that_is_no_number(place: tuple[int, int], value: float) -> None:
    tensor = batch(8, 5)
    tensor[place] = tensor[7, 4] = value
    assert look_at(tensor, False).first_nonfinite == place
    assert look_at(batch(8, 5), False).first_nonfinite is None


def test_identical_samples_and_almost_identical_ones() -> None:
    same = batch(1, 5).repeat(8, 1)
    assert look_at(same, False).identical
    same[7, 4] += 1.0
    assert not look_at(same, False).identical
    assert not look_at(batch(1, 5), False).identical


def test_scale_per_feature_leaves_out_zeros_and_constants() -> None:
    tensor = batch(64, 4)
    tensor[:, 0] = 1e9  # constant
    tensor[:, 1] *= 1e-2
    tensor[1::2, 2] = 0.0  # sparse
    small, large, low, high = look_at(tensor, False).scales or (0, 0, 0, 0)
    rms = [float(c[c != 0].square().mean().sqrt()) for c in tensor.T]
    assert (low, small) == (1, pytest.approx(rms[1], rel=1e-6))
    assert (large, high) == (pytest.approx(max(rms[2:]), rel=1e-6), 2 + rms[2:].index(max(rms[2:])))


def test_quantiles_are_those_of_the_sorted_values() -> None:
    values = batch(1001, 1)
    ordered = sorted(values.flatten().tolist())
    assert look_at(values, True).quantiles == tuple(ordered[round(q * 1000)] for q in QUANTILES)


def test_classes_are_counted_for_targets_and_whole_numbers_only() -> None:
    assert look_at(torch.tensor([3, 3, 1]), False).classes == {1: 1, 3: 2}
    assert look_at(torch.tensor([[0.0], [1.0], [1.0]]), True).classes == {0: 1, 1: 2}
    assert look_at(torch.tensor([[0.5], [1.0]]), True).classes == {}
    assert look_at(torch.tensor([[math.nan], [1.0]]), True).classes == {}
    assert look_at(torch.tensor([True, False, True]), True).classes == {0: 1, 1: 2}


def test_row_sums_are_read_off_soft_targets() -> None:
    low, high = look_at(torch.tensor([[0.25, 0.75], [1.0, 1.0]]), True).row_sum or (0, 0)
    assert (low, high) == (1.0, 2.0)


def test_the_scale_of_a_feature_is_not_read_off_a_few_entries() -> None:
    tensor = batch(64, 4)
    tensor[:, 1] = 0.0
    tensor[:4, 1] = 1e-4  # four entries that are not zero
    assert (look_at(tensor, False).scales or (0.0,))[0] > 0.5
    tensor[:5, 1] = 1e-4
    assert (look_at(tensor, False).scales or (0.0,))[0] == pytest.approx(1e-4)
    assert (look_at(torch.tensor([[1.0, 1e-4], [2.0, 2e-4]]), False).scales or (1.0,))[0] < 1e-3  # of two rows, both
