"""Numbers that are none, half precision and normalization: where deliberate and harmful look alike."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.door import check
from steadygrad.pipeline import observe
from steadygrad.probes import statistics
from steadygrad.rules.catalog.half_range import edge_share, half
from steadygrad.rules.catalog.nonfinite_forward import through
from steadygrad.rules.catalog.nonfinite_weights import masked_attention
from steadygrad.rules.catalog.norm_in_eval import frozen
from steadygrad.rules.catalog.one_value_per_channel import only_way
from steadygrad.rules.finding import Finding
from steadygrad.rules.running_statistics import has_negative, untouched
from steadygrad.rules.specimens import batch, classification, mlp

OURS = ("N101", "N102", "N103", "N104", "B101", "B102", "B103", "B104", "B106")


def seen(case: Case, **settings: object) -> dict[str, Finding]:
    """Code → finding among ours, symptoms included."""
    found: dict[str, Finding] = {}
    stack = list(check(case, select=OURS, **settings).findings)
    while stack:
        finding = stack.pop()
        found.setdefault(finding.code, finding)
        stack += finding.symptoms
    return found


def with_norm(norm: nn.Module, width: int = 32, **more: object) -> Case:
    net = mlp(16, width, 4)
    net[0].bias = None
    return classification(nn.Sequential(net[0], norm, *net[1:]), **more)


# -- numbers that are none ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "nan", "why"),
    [
        (lambda x: (300.0 * x).exp(), False, "the largest float32"),
        (lambda x: x.relu().log() * 0.0 + x, True, "logarithm of zero"),
        (lambda x: x.log(), True, "logarithm of a negative number"),
        (lambda x: x / x.relu(), False, "divided by zero"),
        (lambda x: x.relu() / x.relu(), True, "divided zero by zero"),
        (lambda x: x.sqrt(), True, "root of a negative number"),
        (lambda x: x[:1].std(0, keepdim=True) + x, True, "single value"),
        (lambda x: (x + 2e38) * 2.0, False, "the largest float32"),
    ],
    ids=["exp", "log 0", "log negative", "x/0", "0/0", "root", "deviation of one", "product"],
)
@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
def test_infinity_and_nan_are_told_apart_with_their_reason(function: Callable, nan: bool, why: str) -> None:
    finding = seen(through(function))["N102"]
    assert finding.severity == "error" and finding.where == "1"
    assert why in finding.message
    if why != "logarithm of zero":  # there the first op makes −∞, the product after it NaN
        assert bool(finding.evidence["nan"]) is nan


def test_a_row_that_is_masked_whole_is_nan_from_infinities() -> None:
    finding = seen(through(lambda x: x.masked_fill((torch.arange(len(x)) == 3)[:, None] & (torch.arange(x.shape[1]) > 0), -math.inf).softmax(-1)))
    assert "N102" not in finding
    whole = seen(through(lambda x: x.masked_fill((torch.arange(len(x)) == 3)[:, None], -math.inf).softmax(-1)))["N102"]
    assert whole.severity == "error" and "everything masked" in whole.message and whole.evidence["nan"] == 32


def test_attention_masks_of_minus_infinity_are_deliberate() -> None:
    assert seen(masked_attention()) == {}


def test_a_mask_among_the_inputs_is_deliberate() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scores, self.head = mlp(16, 32)[0], mlp(32, 4)[0]

        def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            scores = self.scores(x)
            return self.head((scores + mask).softmax(-1) * scores)

    mask = torch.zeros(32).masked_fill(torch.arange(32) > 20, -math.inf)
    case = classification(Masked())
    assert seen(Case(case.model, (case.inputs, mask), case.targets, case.loss_fn)) == {}


def test_nan_selected_away_with_its_gradient_is_a_note() -> None:
    finding = seen(through(lambda x: x.detach().sqrt().nan_to_num(0.0) + x))["N102"]
    assert finding.severity == "note" and "finite all the same" in finding.message


def test_where_does_not_protect_the_gradient() -> None:
    found = seen(through(lambda x: torch.where(x > 0.0, x.sqrt(), 0.0)))
    assert found["N102"].severity == "error" and "negative" in found["N102"].message
    safe = seen(through(lambda x: torch.where(x > 0.0, torch.where(x > 0.0, x, 1.0).sqrt(), 0.0)))
    assert safe == {}


def test_infinite_slope_reaches_parameters_or_not() -> None:
    reaches = seen(through(lambda x: (x.abs() * (x > 0.0)).sqrt()))
    assert reaches["N103"].severity == "error" and "N102" not in reaches and "slope ∞ at 0" in reaches["N103"].message
    assert reaches["N103"].evidence["parameters"] == ["0.weight", "0.bias"]
    stopped = seen(through(lambda x: x.relu().sqrt()))
    assert stopped["N103"].severity == "note"


def test_gradient_of_a_parameter_that_no_op_on_a_signal_shows() -> None:
    class Normed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.direction, self.head = nn.Parameter(torch.zeros(16)), mlp(16, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(x + self.direction.square().sum().sqrt())

    finding = seen(classification(Normed()))["N103"]
    assert finding.severity == "error" and finding.evidence["parameters"] == ["direction"]


def test_nan_weights_are_the_cause_of_everything() -> None:
    net = mlp(16, 32, 32, 4)
    net[2].weight.data[0, :2] = torch.tensor([math.nan, -math.inf])
    report = check(classification(net))
    assert [f.code for f in report.findings if f.severity == "error"] == ["N101"] and report.cause is not None
    assert report.cause.parameter == "2.weight" and report.cause.evidence["nan"] == 1 and report.cause.evidence["infinite"] == 1


def test_tensors_that_nothing_used_and_bookkeeping_are_no_errors() -> None:
    net = mlp(16, 32, 4)
    net.register_parameter("spare", nn.Parameter(torch.full((3,), math.nan)))
    net.register_buffer("best", torch.tensor(math.inf))
    net.register_buffer("unset", torch.tensor(math.nan))
    found = seen(classification(net))
    assert set(found) == {"N101"} and found["N101"].severity == "warning" and found["N101"].parameter == "spare"


# -- half precision ----------------------------------------------------------------------------------------------------


def test_fp16_is_judged_and_wider_ranges_are_not() -> None:
    assert seen(half(1e5, 1.0))["N104"].severity == "error"
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        assert "N104" not in seen(half(1e5, 1.0, dtype)) and "N104" not in seen(half(1.0, 3e-4, dtype))
    assert seen(half(1.0, 1000.0)) == {}


def test_zero_weights_are_not_taken_for_underflow() -> None:
    case = half(1e-2, 1e-4)
    assert seen(case)["N104"].severity == "error"
    with torch.no_grad():
        case.model[2].weight.zero_()
    assert seen(case).get("N104") is None or seen(case)["N104"].severity != "error"


def test_edge_share_counts_the_last_octaves() -> None:
    values = torch.tensor([2.0**-23, 2.0**-22, 1.0, 0.0])
    assert edge_share(statistics.histogram(values)) == 0.25 and edge_share(None) == 0.0


# -- normalization -----------------------------------------------------------------------------------------------------


def test_a_constant_side_branch_is_only_a_warning() -> None:
    class Side(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.norm, self.head = mlp(16, 32)[0], nn.GroupNorm(32, 32), mlp(32, 4)[0]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            hidden = self.first(x)
            return self.head(hidden + self.norm(hidden))

    case = classification(Side())
    evidence = observe(case)
    norm = next(n.index for n in evidence.graph.nodes if n.op == "group_norm")
    assert not only_way(evidence, norm) and seen(case)["B101"].severity == "warning"
    # the other road: without the branch, nothing before it gets a gradient
    alone = with_norm(nn.GroupNorm(32, 32))
    assert seen(alone)["B101"].severity == "error"
    double = Case(alone.model.double(), alone.inputs.double(), alone.targets, alone.loss_fn)
    gradient = observe(double).parameters["0.weight"].gradient
    assert gradient is not None
    # rounding of a float64 sum over 64 samples, magnified by at most 1/ε of the normalization
    assert gradient.moments.absmax < 64 * 2.0**-52 / 1e-5


@pytest.mark.parametrize(("samples", "fires"), [(2, True), (3, False)])
def test_batch_norm_needs_three_values(samples: int, fires: bool) -> None:
    case = with_norm(nn.BatchNorm1d(32), inputs=batch(samples, 16))
    assert ("B101" in seen(case)) is fires
    assert "B101" not in seen(Case(case.model, case.inputs, case.targets, case.loss_fn, generated=True))
    assert "B101" not in seen(case, mode="eval")


def test_a_bias_is_dead_only_if_nothing_else_reads_it_and_channels_match() -> None:
    net = mlp(16, 32, 4)
    assert seen(classification(nn.Sequential(net[0], nn.BatchNorm1d(32), *net[1:])))["B102"].parameter == "0.bias"
    mixing = nn.Sequential(net[0], nn.Unflatten(1, (8, 2, 2)), nn.BatchNorm2d(8), nn.Flatten(), *net[1:])
    assert "B102" not in seen(classification(mixing))
    assert "B102" not in seen(classification(nn.Sequential(net[0], nn.LayerNorm(32), *net[1:])))
    assert "B102" not in seen(classification(nn.Sequential(net[0], nn.ReLU(), nn.BatchNorm1d(32), net[2])))


def test_eval_mode_matters_only_with_statistics_of_no_data() -> None:
    assert seen(frozen(trained=False))["B103"].severity == "warning"
    assert "B103" not in seen(frozen(trained=True))
    whole = with_norm(nn.BatchNorm1d(32))
    whole.model.eval()  # handed in after an evaluation: `check` measures it in training mode
    assert seen(whole) == {} and not whole.model.training
    assert untouched(observe(whole), "1") and not untouched(observe(frozen(trained=True)), "1")


@pytest.mark.parametrize(("momentum", "fires"), [(0.0, True), (1.0, True), (0.1, False), (None, False)])
def test_momentum(momentum: float | None, fires: bool) -> None:
    assert ("B106" in seen(with_norm(nn.BatchNorm1d(32, momentum=momentum)))) is fires
    assert seen(with_norm(nn.BatchNorm1d(32, momentum=momentum, track_running_stats=False))) == {}


def test_momentum_of_zero_over_trained_statistics_is_a_way_to_freeze() -> None:
    norm = nn.BatchNorm1d(32, momentum=0.0)
    norm.running_mean.fill_(0.5)
    assert seen(with_norm(norm)) == {}


@pytest.mark.parametrize("value", [math.nan, math.inf, -40.0])
def test_poisoned_variance_names_its_module(value: float) -> None:
    norm = nn.BatchNorm1d(32)
    norm.running_var[3] = value
    found = seen(with_norm(norm))
    assert set(found) == {"B104"} and found["B104"].where == "1"


def test_negative_entries_are_proved_not_guessed() -> None:
    assert has_negative(statistics.read(torch.tensor([1.0, -1e-3]))) and has_negative(statistics.read(torch.tensor([1.0, 1.0, -1e-3]), 0))
    for entries in ([0.0, 0.0], [1.0], [1e-30, 1e30], [0.0, 3.0], [1.0] * 1000):
        assert not has_negative(statistics.read(torch.tensor(entries))) and not has_negative(statistics.read(torch.tensor(entries), 0))
