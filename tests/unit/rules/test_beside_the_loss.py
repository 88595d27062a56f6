"""A parameter whose output the loss does not read is not a path that was cut."""

import torch
from torch import nn

import steadygrad as sg
from steadygrad.rules.catalog.no_gradient import _detached, _pooler, _small_detached
from steadygrad.rules.specimens import classification


def severities(case) -> list[tuple[str, str, str]]:
    return [(f.severity, f.where, f.message) for f in sg.check(case).findings if f.code == "G103"]


def test_a_pooler_is_a_note() -> None:
    ((severity, where, message),) = severities(_pooler())
    assert (severity, where) == ("note", "aside") and "2 parameters (5% of the trainable entries used) make outputs that the loss does not read" in message


def test_a_detached_layer_is_not() -> None:
    assert [(s, w) for s, w, _ in severities(_small_detached())] == [("warning", "aside")]
    assert [(s, w) for s, w, _ in severities(_detached())] == [("error", "first")]


class ByNumPy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(16, 8), nn.Linear(8, 64)
        self.third = nn.Linear(64, 4)

    def forward(self, x):
        return self.third(self.second(torch.from_numpy(self.first(x).detach().numpy())).relu())


def test_what_went_through_numpy_is_cut_and_not_beside() -> None:
    torch.manual_seed(0)
    assert [(s, w) for s, w, _ in severities(classification(ByNumPy()))] == [("warning", "first")]


class Inner(nn.Module):
    """A backbone that makes a pooled output, of which the model around it takes no notice, as in transformers."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.pooler = nn.Linear(16, 64), nn.Linear(64, 64)

    def forward(self, x):
        hidden = self.body(x).relu()
        return {"last": hidden, "pooled": self.pooler(hidden).tanh()}


class Outer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.head = Inner(), nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 4))

    def forward(self, x):
        return self.head(self.backbone(x)["last"])


def test_a_pooler_that_nobody_reads_is_a_note() -> None:
    torch.manual_seed(0)
    assert [(s, w) for s, w, _ in severities(classification(Outer()))] == [("note", "backbone.pooler")]


def test_without_a_loss_what_no_output_holds_is_a_note_and_what_is_cut_is_not() -> None:
    torch.manual_seed(0)
    x = torch.randn(64, 16)
    ((severity, where, message),) = severities(sg.Case(Outer(), x))
    assert (severity, where) == ("note", "backbone.pooler") and "make what no output holds, `backbone.pooler.weight` first" in message
    assert [(s, w) for s, w, _ in severities(sg.Case(_detached().model, x))] == [("error", "first")]
    assert [(s, w) for s, w, _ in severities(sg.Case(ByNumPy(), x))] == [("warning", "first")]


class Queried(Outer):
    """Whose scores also depend on learned queries, through a weight of their own, as in a detection transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.queries, self.values = nn.Parameter(torch.randn(1, 64)), nn.Linear(64, 64)

    def forward(self, x):
        return self.head(self.backbone(x)["last"] + self.values(self.queries.expand(len(x), -1)))


def test_learned_queries_are_no_numbers_of_unknown_origin() -> None:
    torch.manual_seed(0)
    assert [(s, w) for s, w, _ in severities(classification(Queried()))] == [("note", "backbone.pooler")]
