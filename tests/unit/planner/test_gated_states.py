"""What reads the state of a gated recurrence is drawn for the state behind open gates, and measuring does not undo it."""

import pytest
import torch
from torch import nn

import steadygrad as sg
from steadygrad.graph.ops.recurrent import OPEN
from steadygrad.planner import refine
from steadygrad.planner.design import OUTPUT
from steadygrad.planner.plan import Plan
from steadygrad.planner.verification import observe
from steadygrad.theory import activations
from steadygrad.theory.moment_table import table

WIDTH = 64


class Reader(nn.Module):
    """A recurrence between a norm, which has the plan measured, and an output layer."""

    def __init__(self, recurrence: type[nn.RNNBase]) -> None:
        super().__init__()
        self.norm, self.recurrence, self.head = nn.LayerNorm(WIDTH), recurrence(WIDTH, WIDTH, batch_first=True), nn.Linear(WIDTH, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.recurrence(self.norm(x))[0])


def planned(recurrence: type[nn.RNNBase], size: float = 1.0) -> tuple[Reader, torch.Tensor, Plan]:
    torch.manual_seed(0)
    net, x = Reader(recurrence), torch.randn(16, 2, WIDTH)
    nn.init.constant_(net.norm.weight, size)  # kept where it is not 1
    return net, x, sg.plan(net, x)


def test_an_open_gate_lets_tanh_of_a_unit_cell_through() -> None:
    assert pytest.approx(float(table(activations.get("tanh")).second(1.0)), rel=1e-3) == OPEN


@pytest.mark.parametrize("recurrence", [nn.LSTM, nn.GRU])
def test_the_output_layer_is_drawn_for_open_gates(recurrence: type[nn.RNNBase]) -> None:
    """After two steps a state is smaller: an output layer made for it would be as much too large later."""
    net, x, plan = planned(recurrence)
    assert plan.row("head.weight").after ** 2 * WIDTH * OPEN == pytest.approx(OUTPUT)
    assert "gates" in plan.row("head.weight").reason
    plan.apply_(net)
    state = net.recurrence(net.norm(x))[0].square().mean().item()
    assert state < OPEN / 2.0


def test_a_recurrence_without_gates_is_taken_as_it_is() -> None:
    net, x, plan = planned(nn.RNN)
    plan.apply_(net)
    state = net.recurrence(net.norm(x))[0].square().mean().item()
    assert "gates" not in plan.row("head.weight").reason
    assert plan.row("head.weight").after ** 2 * WIDTH * state == pytest.approx(OUTPUT, rel=1.0)  # for the state as it came


def test_the_prediction_is_of_the_state_as_it_is() -> None:
    net, x, plan = planned(nn.LSTM)
    state, head = (next(layer.q for layer in plan.layers if layer.where.startswith(where)) for where in ("recurrence", "head"))
    assert head == pytest.approx(OUTPUT * state / OPEN, rel=1e-6)


def test_measuring_does_not_undo_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs are seen far below their second moment, and are left there; without gates to open they would be brought up."""
    net, x, plan = planned(nn.LSTM, 0.3)
    plan.apply_(net)
    assert observe(net, x).signals[next(layer.index for layer in plan.layers if layer.where.startswith("head"))].moments.q < OUTPUT / 16.0
    with monkeypatch.context() as patched:
        patched.setattr(refine.Design, "growth", lambda self: {})
        undone = sg.plan(net, x)
    assert undone.row("head.weight").after > 2.0 * plan.row("head.weight").after
