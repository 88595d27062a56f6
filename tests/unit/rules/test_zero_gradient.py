"""Exact zeros in the gradient: which op makes them, and what is no such op."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.door import check
from steadygrad.rules.catalog.zero_gradient import _Beside, _between
from steadygrad.rules.specimens import Apply, batch, classification, mlp

FLAT = (torch.round, torch.floor, torch.ceil, torch.trunc, torch.sign, lambda x: torch.div(x, 0.1, rounding_mode="floor"), lambda x: x.sigmoid().bernoulli())


def found(case: Case) -> list[tuple[str, str, int]]:
    return [(f.severity, f.evidence["mechanism"], f.evidence["count"]) for f in check(case, select=("G105",)).findings]


@pytest.mark.parametrize("step", FLAT)
def test_every_flat_op_is_named(step: Callable[[torch.Tensor], torch.Tensor]) -> None:
    assert found(_between(step)) == [("error", "flat", 4)]


def test_what_is_named_are_the_parameters_whose_gradient_is_exactly_zero() -> None:
    case = _between(torch.round)
    case.loss_fn(case.model(case.inputs), case.targets).backward()
    zero = [name for name, p in case.model.named_parameters() if p.grad is not None and not p.grad.any()]
    (finding,) = check(case, select=("G105",)).findings
    assert finding.evidence["parameters"] == zero and finding.where == "2"


def test_a_small_part_is_a_warning_and_without_a_loss_a_note() -> None:
    case = classification(_Beside(torch.sign))
    assert found(case) == [("warning", "flat", 2)]
    assert found(Case(case.model, case.inputs)) == [("note", "flat", 2)]


def test_ops_in_series_are_one_finding_at_the_last() -> None:
    net = nn.Sequential(mlp(16, 64), Apply(torch.round), mlp(64, 64), Apply(torch.round), mlp(64, 64, 4))
    (finding,) = check(classification(net), select=("G105",)).findings
    assert finding.where == "3" and finding.evidence["count"] == 4


def test_bounds_are_a_warning_where_something_moves_what_they_are_given() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk, self.scale, self.last = mlp(16, 64), mlp(64, 64), mlp(64, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.trunk(x).tanh()
            return self.last(x * torch.exp((self.scale(x) - 50.0).clamp(-4.0, 2.0)))

    (finding,) = check(classification(Scaled()), select=("A101",)).findings
    assert (finding.severity, finding.evidence["count"]) == ("warning", 2) and "`clamp` from -4 to 2 in `the model`" in finding.message


class _Routed(nn.Module):
    """Four experts of which the batch reaches `reached`."""

    def __init__(self, reached: int) -> None:
        super().__init__()
        self.experts, self.head, self.reached = nn.ModuleList(mlp(16, 64, seed=i) for i in range(4)), mlp(64, 4), reached

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        routed = torch.arange(len(x)) % self.reached
        return self.head(sum(expert(x) * (routed == i).unsqueeze(1).float() for i, expert in enumerate(self.experts)))


class _NullEmbedding(nn.Module):
    """A condition that is replaced by a learned null one where it was dropped: nowhere in this batch."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.null = mlp(16, 64, 4), nn.Parameter(torch.randn(16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(torch.where(torch.zeros(len(x), 1, dtype=torch.bool), self.null, x))


class _ReZero(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.branch, self.gate, self.head = mlp(16, 64), mlp(64, 256, 64), nn.Parameter(torch.zeros(1)), mlp(64, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        return self.head(x + self.gate * self.branch(x))


class _ZeroEnd(_ReZero):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        nn.init.zeros_(self.branch[2].weight)
        x = self.stem(x)
        return self.head(x + self.branch(x))


@pytest.mark.parametrize("net", [_Routed(1), _Routed(2), _NullEmbedding(), _ReZero(), _ZeroEnd(), mlp(16, 64, 64, 4)], ids=lambda net: type(net).__name__)
def test_what_may_wake_or_be_chosen_by_another_batch_is_no_finding(net: nn.Module) -> None:
    torch.manual_seed(0)
    assert found(classification(net)) == []


def test_rows_that_were_not_looked_up_are_no_finding() -> None:
    net = nn.Sequential(nn.Embedding(1000, 16), nn.Flatten(), mlp(64, 32, 4))
    assert found(classification(net, torch.randint(0, 5, (64, 4)))) == []


def test_dead_rectifiers_are_left_to_their_rule() -> None:
    net = mlp(16, 64, 64, 4)
    net[0].bias.data.fill_(-20.0)
    assert found(classification(net)) == []
    assert "G105" not in str(check(classification(net, batch(64, 16))))


def test_the_share_is_among_parameters_that_were_used() -> None:
    case = _between(torch.round)
    case.model.register_parameter("elsewhere", nn.Parameter(torch.zeros(100_000)))
    assert found(case) == [("error", "flat", 4)]


def test_a_factor_of_0_in_the_loss_is_a_term_that_is_switched_off() -> None:
    case = classification(nn.ModuleDict({"net": mlp(16, 64, 4), "critic": mlp(4, 256, 256, 1)}))
    case.model.forward = lambda x: (case.model["net"](x), case.model["critic"](case.model["net"](x)))
    loss = case.loss_fn
    assert found(Case(case.model, case.inputs, case.targets, lambda z, y: loss(z[0], y) + 0.0 * z[1].mean())) == []
