"""Rules that warn must be silent on their own healthy specimens, and where intent explains what they look for."""

import pytest
import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.door import check
from steadygrad.rules.catalog import RULES
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import batch, classification, mlp

QUIET = ("A110", "G105", "I101", "I104", "L113", "N105", "O107", "S104", "S107")
SPECIMENS = [(rule, specimen) for rule in RULES if rule.code in QUIET for specimen in rule.healthy()]


@pytest.mark.parametrize(("rule", "specimen"), SPECIMENS, ids=lambda v: v.code if isinstance(v, type) else v.name)
def test_silent_on_its_healthy_specimens(rule: type[Rule], specimen: Specimen) -> None:
    report = check(specimen.build(), select=(rule.code,), **(specimen.settings or {}))
    assert not report.findings, report.findings


def found(case: Case, code: str) -> list[str]:
    return [f.severity for f in check(case, select=(code,)).findings]


class _Recurrent(nn.Module):
    def __init__(self, batch_first: bool, packed: bool) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.rnn, self.packed = nn.RNN(8, 32, batch_first=batch_first), packed
            nn.init.normal_(self.rnn.weight_hh_l0, std=0.02)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.packed:
            return self.rnn(x)[0]
        lengths = torch.full((x.shape[1],), x.shape[0])
        return self.rnn(nn.utils.rnn.pack_padded_sequence(x, lengths))[0].data


def test_steps_are_counted_along_the_axis_of_time() -> None:
    x = batch(200, 12, 8)
    assert found(Case(_Recurrent(False, False), x), "I104") == ["warning"]
    assert found(Case(_Recurrent(True, False), x), "I104") == []  # 200 samples of 12 steps
    assert found(Case(_Recurrent(False, True), x), "I104") == []  # packed: 2400 rows say nothing about steps


def test_a_teacher_beside_its_student_is_frozen_on_purpose() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.student, self.teacher, self.head = mlp(16, 32, 32), mlp(16, 32, 32).requires_grad_(False), mlp(32, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.student(x) - self.teacher(x))

    assert found(classification(Both()), "S104") == []


def test_decay_of_the_usual_size_is_silent_for_every_optimizer_of_torch() -> None:
    for kind in (torch.optim.Adam, torch.optim.AdamW, torch.optim.Adagrad, torch.optim.RMSprop, torch.optim.Adadelta, torch.optim.NAdam, torch.optim.RAdam, torch.optim.Adamax):
        net = mlp(16, 32, 4)
        assert found(classification(net, optimizer=kind(net.parameters(), weight_decay=1e-2)), "O107") == [], kind
        assert found(classification(net, optimizer=kind(net.parameters())), "N105") == [], kind


def test_growth_through_depth_is_no_layer_out_of_line() -> None:
    net = mlp(16, *[64] * 10, 4)
    with torch.no_grad():
        for layer in net:
            if isinstance(layer, nn.Linear):
                layer.weight.mul_(5.0)
    assert found(classification(net), "A110") == []


def test_a_softmax_over_another_axis_is_no_repetition() -> None:
    class Slots(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.score, self.head = mlp(16, 5), mlp(16, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            weights = self.score(x).softmax(2).softmax(1)  # over slots, then over positions
            return self.head((weights.transpose(1, 2) @ x).mean(1))

    assert found(classification(Slots(), batch(64, 5, 16)), "L113") == []


def test_a_weight_on_a_silent_branch_and_elsewhere_is_judged_by_where_it_is_heard() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.shared, self.head = mlp(16, 32), mlp(32, 32), mlp(32, 4)
            self.alpha = nn.Parameter(torch.zeros(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.first(x)
            x = x + self.alpha * self.shared(x)
            return self.head(torch.relu(self.shared(x)))

    assert check(classification(Twice())).ok
