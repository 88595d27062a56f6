"""Rates by width: table 3's powers, and the coordinate check that they are for."""

import math

import pytest
import torch
from torch import nn

import steadygrad as sg
from steadygrad.errors import InputError
from steadygrad.planner.plan import Plan
from steadygrad.planner.rates import factors

WIDTHS = (64, 256, 1024)


def net(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(16, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 4))


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(64, 16, generator=generator), torch.randint(0, 4, (64,), generator=generator)


def plan(width: int, scheme: str = "mup") -> tuple[nn.Sequential, Plan]:
    model = net(width)
    return model, sg.plan(model, batch()[0], scheme=scheme)


@pytest.mark.parametrize(("optimizer", "hidden", "first", "last", "bias"), [("adam", 0.25, 1.0, 0.25, 1.0), ("sgd", 1.0, 4.0, 0.25, 4.0)])
def test_powers_of_table_3(optimizer: str, hidden: float, first: float, last: float, bias: float) -> None:
    found = factors(plan(256)[1], plan(64)[1], optimizer)
    assert (found["2.weight"], found["0.weight"], found["4.weight"], found["2.bias"]) == (hidden, first, last, bias)
    assert found["4.bias"] == 1.0


def moved(width: int, scheme: str, optimizer: str, steps: int = 4) -> list[float]:
    """Root mean square change of the three layers' outputs after a few steps at the rate that belongs to the width."""
    model, made = plan(width, scheme)
    made.apply_(model)
    x, y = batch()
    base = plan(WIDTHS[0], scheme)[1]
    rate = 0.005 if optimizer == "adam" else 0.05
    groups = made.groups(model, rate, base=base, optimizer=optimizer) if scheme in ("mup", "spectral") else [{"params": list(model.parameters())}]
    stepper = (torch.optim.Adam if optimizer == "adam" else torch.optim.SGD)(groups, lr=rate)

    def outputs() -> list[torch.Tensor]:
        with torch.no_grad():
            return [model[: i + 1](x) for i in (0, 2, 4)]

    before = outputs()
    for _ in range(steps):
        stepper.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        stepper.step()
    return [float((a - b).square().mean().sqrt()) for a, b in zip(outputs(), before, strict=True)]


@pytest.mark.parametrize("scheme", ["mup", "spectral"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_coordinate_check_is_level_over_widths(scheme: str, optimizer: str) -> None:
    """Outputs of every layer move as much at 16 times the width: no power of the width is left, which would be 4 or 16."""
    narrow, wide = moved(WIDTHS[0], scheme, optimizer), moved(WIDTHS[-1], scheme, optimizer)
    for a, b in zip(narrow, wide, strict=True):
        assert 1 / 2.5 < b / a < 2.5, (narrow, wide)


def test_the_check_can_fail_one_rate_for_all_grows_with_width() -> None:
    narrow, wide = moved(WIDTHS[0], "he", "adam"), moved(WIDTHS[-1], "he", "adam")
    assert wide[1] / narrow[1] > 4.0 and math.isfinite(wide[1])


def test_bad_input_is_refused() -> None:
    model, made = plan(64)
    with pytest.raises(InputError, match="`optimizer` must be one of adam, sgd, got 'lamb'"):
        made.groups(model, 0.1, base=made, optimizer="lamb")
    with pytest.raises(InputError, match="`lr` must be positive, got -1"):
        made.groups(model, -1, base=made)
    other = sg.plan(nn.Linear(16, 4), batch()[0])
    with pytest.raises(InputError, match="`base` must be a plan of the same model"):
        made.groups(model, 0.1, base=other)
    with pytest.raises(InputError, match="another model: it has no weight"):
        made.groups(nn.Linear(16, 4), 0.1, base=made)
