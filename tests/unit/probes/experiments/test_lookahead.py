"""Do answers see later entries? By hand on small models of sequences, in several forms of batches."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from steadygrad.case import Case
from steadygrad.pipeline import observe
from steadygrad.probes.experiments.lookahead import Lookahead

TOKENS = torch.randint(0, 9, (16, 8), generator=torch.Generator().manual_seed(0))


class Means(nn.Module):
    """Each place gets the mean of the embeddings up to it, or of all; logits at axis 2, or at axis 1."""

    def __init__(self, causal: bool, channels_first: bool = False) -> None:
        super().__init__()
        self.table, self.head, self.causal, self.channels_first = nn.Embedding(9, 12), nn.Linear(12, 9), causal, channels_first

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        x = self.table(tokens)
        x = x.cumsum(1) if self.causal else x.sum(1, keepdim=True) + 0 * x
        scores = self.head(x if mask is None else x * mask[..., None])
        return scores.transpose(1, 2) if self.channels_first else scores


def likelihood(scores: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(scores.flatten(0, 1), tokens.flatten())


def lookahead(model: nn.Module, inputs: object, targets: torch.Tensor, loss=likelihood) -> Lookahead | None:
    return observe(Case(model, inputs, targets, loss)).experiments.get("lookahead")


def test_later_entries_change_answers_or_do_not():
    torch.manual_seed(0)
    sees, waits = (lookahead(Means(causal), TOKENS[:, :-1], TOKENS[:, 1:]) for causal in (False, True))
    assert sees.asked == waits.asked == "next" and waits.change == 0.0
    assert sees.change > 0.1 and sees.where == ""  # the head is given other sums, which are taken outside of all modules


def test_the_loss_may_move_the_targets():
    shifting = lookahead(Means(True), TOKENS, TOKENS, lambda z, y: likelihood(z[:, :-1], y[:, 1:]))
    assert shifting == Lookahead("next", 0.0)
    assert lookahead(Means(True), TOKENS, TOKENS) == Lookahead("same", 0.0)


def test_batches_of_several_tensors_and_classes_on_axis_1():
    mask = torch.ones(16, 7)
    found = lookahead(Means(False, True), {"tokens": TOKENS[:, :-1], "mask": mask}, TOKENS[:, 1:], functional.cross_entropy)
    assert found is not None and found.asked == "next" and found.change > 0.1


def test_places_without_a_target_are_not_compared():
    targets = torch.where(torch.arange(7) < 3, -100, TOKENS[:, 1:])
    found = lookahead(Means(False), TOKENS[:, :-1], targets)
    assert found is not None and found.asked == "next"


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [(TOKENS, TOKENS.flip(1)), (TOKENS, torch.randint(0, 9, (16, 8))), (TOKENS * 0, TOKENS * 0)],
    ids=["turned around", "other tokens", "one token for all"],
)
def test_not_asked_where_targets_are_something_else(inputs, targets):
    assert lookahead(Means(False), inputs, targets) is None


def test_not_answered_where_the_model_does_not_repeat_itself():
    class Noisy(Means):
        def forward(self, tokens, mask=None):
            self.calls = getattr(self, "calls", 0) + 1
            return super().forward(tokens) + self.calls

    assert lookahead(Noisy(False), TOKENS[:, :-1], TOKENS[:, 1:]) is None


def test_not_answered_where_four_sequences_cannot_be_run():
    class Fixed(Means):
        def forward(self, tokens, mask=None):
            return super().forward(tokens.view(16, 7))

    assert lookahead(Fixed(False), TOKENS[:, :-1], TOKENS[:, 1:]) is None
