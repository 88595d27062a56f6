"""How far along its own direction a step still pays, on a parabola whose answer is known."""

import pytest
import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.pipeline import observe
from steadygrad.probes.experiments.step import Step


class _Point(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.full((4,), 3.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.w


def _step(rate: float, curvature: float = 1.0) -> Step:
    model = _Point()
    loss = lambda out, y: 0.5 * curvature * (out.mean(0) - y.mean(0)).square().sum()  # noqa: E731
    case = Case(model, torch.zeros(8, 4), torch.zeros(8, 4), loss, torch.optim.SGD(model.parameters(), lr=rate))
    found = observe(case).experiments["step"]
    assert model.w.equal(torch.full((4,), 3.0))
    return found


@pytest.mark.parametrize(("rate", "times"), [(3e-6, 1e5), (3e-5, 1e4), (3e-4, 1e3), (4e-4, 1e3)])
def test_a_step_of_k_times_the_rate_keeps_one_minus_half_k_rate_of_its_promise(rate: float, times: float) -> None:
    """L(w − kηg) = ½(1 − kη)²‖w‖²: it keeps 1 − kη/2, more than a half up to kη = 1, and promises the whole loss at kη = ½."""
    found = _step(rate).stretched
    assert found is not None
    assert found[0] == times
    rounded = 2.0**-23 / (3.0 * rate)  # half a spacing of float32 at w = 3 over Δw = 3η: how well Δw is known
    assert found[1] == pytest.approx(0.5 * (1 - times * rate) ** 2 * 36.0, rel=2 * times * rate / (1 - times * rate) * rounded + 1e-6)


def test_curvature_and_rate_trade_places() -> None:
    assert _step(3e-6, curvature=10.0).stretched[0] == _step(3e-5).stretched[0]  # type: ignore[index]


def test_a_step_that_promises_a_thousandth_of_the_loss_is_not_stretched() -> None:
    assert _step(0.1).stretched is None
