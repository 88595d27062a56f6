"""Which entries of the inputs the outputs read: slopes, and exchanges where there are none."""

import torch
from torch import nn
from torch.nn import functional

from steadygrad.case import Case
from steadygrad.pipeline import observe
from steadygrad.probes.experiments.reading import Unread
from steadygrad.rules.specimens import Apply, batch, mlp

LABELS = torch.arange(16) % 4


def reading(model: nn.Module, inputs: object) -> tuple[Unread, ...]:
    return observe(Case(model, inputs, LABELS, functional.cross_entropy)).experiments["reading"]


def test_features_that_are_cut_off():
    (found,) = reading(nn.Sequential(Apply(lambda x: x[:, 2:8]), mlp(6, 4)), batch(16, 16))
    assert found == Unread("inputs", 1, 16, (0, 1, *range(8, 16)))


def test_what_a_maximum_did_not_choose_is_read():
    assert reading(nn.Sequential(Apply(lambda x: x.amax(2)), mlp(8, 4)), batch(16, 8, 50)) == ()


def test_entries_that_are_the_same_in_all_samples_do_not_count():
    inputs = batch(16, 16)
    inputs[:, 4:] = 1.0
    assert reading(nn.Sequential(Apply(lambda x: x[:, :4]), mlp(4, 4)), inputs) == ()


class Both(nn.Module):
    """Numbers, of which one half is read, and tokens, of which the first is."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(9, 8), mlp(16, 4)

    def forward(self, numbers: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(torch.cat([numbers[:, :8], self.table(tokens)[:, 0]], 1))


def test_several_inputs_and_tokens_by_their_embeddings():
    tokens = torch.randint(0, 9, (16, 6), generator=torch.Generator().manual_seed(0))
    numbers, words = reading(Both(), {"numbers": batch(16, 16), "tokens": tokens})
    assert (numbers.axis, numbers.indices) == (1, tuple(range(8, 16)))
    assert (words.axis, words.indices) == (1, tuple(range(1, 6)))


def test_a_table_read_twice_is_not_judged():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.other, self.head = nn.Embedding(9, 8), nn.Embedding(9, 8), mlp(8, 4)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return self.head(self.table(tokens)[:, 0] + self.other(tokens)[:, 1])

    tokens = torch.randint(0, 9, (16, 6), generator=torch.Generator().manual_seed(0))
    assert reading(Twice(), tokens) == ()


def test_outputs_without_a_gradient_are_not_judged():
    assert reading(nn.Sequential(mlp(16, 4), Apply(torch.detach)), batch(16, 16)) == ()
