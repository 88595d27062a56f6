"""What the door refuses, with a message that says what to do, and what it turns into a finding."""

import pytest
import torch
from torch import nn

from steadygrad.door import check
from steadygrad.errors import InputError, ModelError, TargetError
from steadygrad.graph.fingerprint import fingerprint

NET = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))
X = torch.randn(12, 16)
Y = torch.randint(0, 3, (12,))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((nn.Linear, X), InputError, "got the class Linear; call it first"),
        ((lambda x: x, X), InputError, "must be a torch.nn.Module, got function"),
        ((nn.ReLU(), X), InputError, "`ReLU` has no parameters"),
        ((NET, None), InputError, "`inputs` must be one batch, got None"),
        ((NET, torch.randn(0, 16)), InputError, r"empty batch of shape \(0, 16\)"),
        ((NET, iter([X])), InputError, r"take one batch from it: next\(inputs\)"),
        ((NET, torch.utils.data.DataLoader([X])), InputError, r"next\(iter\(loader\)\)"),
        ((NET, "text"), InputError, "must hold at least one tensor, got str"),
        ((NET, X, Y), InputError, "were given without `loss_fn`"),
        ((NET, torch.randn(12, 17)), ModelError, "raised at `0`"),
        ((NET, X.long()), ModelError, r"pass `inputs.float\(\)`"),
        ((NET, X.double()), ModelError, "differ in dtype"),
        ((NET, X, Y, lambda o, y: o), ModelError, r"must return one number to differentiate, got a tensor of shape \(12, 3\)"),
        ((nn.Linear(4, 4, device="meta"), torch.randn(2, 4)), InputError, "is on the meta device"),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(arguments: tuple, error: type[Exception], message: str) -> None:
    before = fingerprint(NET, None, (X, Y))
    with pytest.raises(error, match=message):
        check(*arguments)
    assert fingerprint(NET, None, (X, Y)) == before


def test_bad_settings_name_what_would_work() -> None:
    with pytest.raises(InputError, match="`depth` must be one of 'fast', 'full', got 'deep'"):
        check(NET, X, depth="deep")
    with pytest.raises(TargetError, match="no rule is called `I999`"):
        check(NET, X, select=["I999"])
    with pytest.raises(TargetError, match="has no threshold `shar`; it has share"):
        check(NET, X, thresholds={"symmetric-units.shar": 0.1})


def test_labels_that_make_the_loss_raise_become_the_finding() -> None:
    report = check(NET, X, Y + 5, nn.functional.cross_entropy)
    assert report.cause is not None and report.cause.slug == "labels"


def test_nan_weights_are_the_cause_and_stay() -> None:
    net = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))
    net[2].weight.data[0, 0] = float("nan")
    before = fingerprint(net)
    assert check(net, X, Y, nn.functional.cross_entropy).cause.slug == "nonfinite-weights"
    assert fingerprint(net) == before


def test_reports_round_trip_through_json() -> None:
    from steadygrad.report.json import from_dict

    report = check(NET, X, Y, nn.functional.cross_entropy)
    assert from_dict(report.to_dict()) == report
    assert "<iframe" in report._repr_html_()


@pytest.mark.parametrize(
    ("targets", "hint"),
    [(torch.randint(0, 3, (16,)).float(), r"targets \(16,\) float32\n  try: .*targets\.long"), (torch.zeros(8, dtype=torch.long), r"targets \(8,\) int64\n  try: .*one target per sample")],
)
def test_targets_that_the_loss_refuses_are_shown_with_what_to_do(targets: torch.Tensor, hint: str) -> None:
    with pytest.raises(ModelError, match=hint):
        check(torch.nn.Linear(8, 3), torch.randn(16, 8), targets, torch.nn.functional.cross_entropy)
