import pytest
import torch

from steadygrad.probes.statistics import rows


def test_rows_that_training_cannot_tell_apart():
    weight = torch.randn(6, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    weight[4] = weight[1]
    weight[5] = 0.25
    weight[0] = 0
    found = rows(weight)
    assert (found.rows, found.size) == (6, 27)
    assert (found.zero_rows, found.constant_rows, found.duplicate_groups) == ((0,), (5,), ((1, 4),))
    assert found.duplicate_share == 1 / 6 and not found.all_equal


@pytest.mark.parametrize("value", [0.0, 0.01])
def test_a_constant_parameter(value):
    found = rows(torch.full((4, 5), value))
    assert found.all_equal and found.duplicate_groups == ((0, 1, 2, 3),)
    assert found.duplicate_share == 0.75


def test_rows_of_another_axis():
    embedding = torch.randn(5, 4)
    embedding[:, 2] = embedding[:, 0]
    assert rows(embedding, axis=1).duplicate_groups == ((0, 2),)


def test_biases_and_nothing():
    assert rows(torch.tensor([1.0, 2.0, 1.0])).duplicate_groups == ((0, 2),)
    assert rows(torch.tensor([1.0, 2.0])).constant_rows == ()
    assert rows(torch.tensor([2.0])).all_equal and rows(torch.empty(0)).all_equal
    assert not rows(torch.tensor([0.0, -0.0])).all_equal
