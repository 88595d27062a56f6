"""Gradients that a backward pass within the backward pass leaves at parameters, as reversible layers do, are seen."""

import torch
from torch import nn

import steadygrad as sg
from steadygrad.graph.transaction import transaction
from steadygrad.probes.session import measure


class Again(torch.autograd.Function):
    """Runs its layer once more in the backward pass, and differentiates it there."""

    @staticmethod
    def forward(ctx, x: torch.Tensor, layer: nn.Module) -> torch.Tensor:
        ctx.layer = layer
        ctx.save_for_backward(x)
        with torch.no_grad():
            return layer(x)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        x = ctx.saved_tensors[0].detach().requires_grad_()
        with torch.enable_grad():
            torch.autograd.backward(ctx.layer(x), gradient)
        return x.grad, None


class Reversible(nn.Module):
    def __init__(self, again: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.layer, self.head, self.again = nn.Linear(8, 16), nn.Sequential(nn.Linear(16, 16), nn.Tanh()), nn.Linear(16, 4), again

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.stem(x)
        return self.head(Again.apply(h, self.layer) if self.again else self.layer(h))


def case(again: bool) -> sg.Case:
    torch.manual_seed(1)
    return sg.Case(Reversible(again), torch.randn(32, 8), torch.randint(0, 4, (32,)), nn.CrossEntropyLoss())


def test_gradients_of_inner_backward_passes_are_those_of_the_plain_layer() -> None:
    found = []
    for again in (False, True):
        made = case(again)
        with transaction(made.model, inputs=made.inputs) as held:
            found.append({name: reading.gradient for name, reading in measure(made, held).parameters.items()})
    plain, inner = found
    assert plain == inner and plain["layer.0.weight"] is not None


def test_they_are_no_missing_gradients_and_leave_none_behind() -> None:
    made = case(True)
    kept = torch.ones(16, 16)
    made.model.layer[0].weight.grad = kept
    assert "no-gradient" not in {f.slug for f in sg.check(made).findings}
    assert made.model.layer[0].weight.grad is kept and bool((kept == 1.0).all())
    assert all(p.grad is None for name, p in made.model.named_parameters() if name != "layer.0.weight")
