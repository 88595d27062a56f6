"""sin(ω·Wx): the model's own factor is a part of the weight's scale, and at the coordinates it is the author's bandwidth."""

import math

import torch
from torch import nn

import steadygrad as sg


class Wave(nn.Module):
    def __init__(self, omega: float) -> None:
        super().__init__()
        self.omega = omega

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(self.omega * x)


def field(omega: float, width: int = 256) -> nn.Module:
    return nn.Sequential(nn.Linear(2, width), Wave(omega), nn.Linear(width, width), Wave(omega), nn.Linear(width, 1))


def rms(model: nn.Module, name: str) -> float:
    return float(model.get_parameter(name).detach().square().mean().sqrt())


def test_hidden_weights_are_smaller_by_the_factor_and_coordinates_keep_their_bandwidth() -> None:
    x = 2.0 * torch.rand(512, 2, generator=torch.Generator().manual_seed(0)) - 1.0
    model = field(30.0)
    plan = sg.initialize_(model, x)
    assert abs(rms(model, "2.weight") * 30.0 * 256**0.5 - 1.0) < 1e-3  # orthogonal: exact but for float32
    assert abs(rms(model, "0.weight") - 3**-0.5 / 2.0) < 1e-3  # U(±1/2), the range of SIREN's first layer
    assert plan.verify(model, x).worst_q < 1.5


def test_without_a_factor_a_sine_is_an_activation_like_others() -> None:
    x = 2.0 * torch.rand(512, 2, generator=torch.Generator().manual_seed(0)) - 1.0
    model = field(1.0)
    sg.initialize_(model, x)
    with torch.no_grad():
        assert abs(float(model[0](x).square().mean()) - 1.0) < 0.1


def test_fields_are_not_odd_functions_and_start_small() -> None:
    x = 2.0 * torch.rand(512, 2, generator=torch.Generator().manual_seed(0)) - 1.0
    model = field(30.0)
    plan = sg.initialize_(model, x)
    with torch.no_grad():
        y, mirrored = model(x), model(-x)
    assert abs(float(y.square().mean().sqrt()) - 0.1) < 0.03  # one output of one draw of 256 weights: 0.1 within 4 of its σ = 0.1/√(2·256), and bias
    assert float((y + mirrored).square().mean()) > 0.2 * float(y.square().mean())  # an odd function gives 0
    assert abs(rms(model, "0.bias") * 30.0 - math.pi / 3**0.5) < 4.0 * math.pi / 3**0.5 / (2 * 256) ** 0.5
    assert plan.row("0.bias").reason == "phases spread over one period"
    assert rms(model, "2.bias") == 0.0
