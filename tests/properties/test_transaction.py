"""Whatever a model does while it is looked at, it is afterwards what it was before, bit for bit."""

import random

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from steadygrad.door import check
from steadygrad.errors import InputError, ModelError, RestoreError
from steadygrad.graph.fingerprint import fingerprint
from steadygrad.graph.transaction import transaction

SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Unruly(nn.Module):
    """A network that does in its forward what real ones do, chosen by name."""

    def __init__(self, habits: frozenset[str]) -> None:
        super().__init__()
        self.habits = habits
        self.first, self.norm, self.last = nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)
        self.register_buffer("average", torch.zeros(8))
        self.register_buffer("scratch", torch.zeros(2), persistent=False)
        self.steps, self.history, self.cache = 0, [], {}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.habits
        if "writes input" in h:
            x.mul_(2.0)
        if "clips weights" in h:
            self.first.weight.data.clamp_(-0.1, 0.1)
        if "zeroes last" in h:
            with torch.no_grad():
                self.last.weight[0] = 0.0
        if "swaps data" in h:
            self.last.bias.data = torch.ones_like(self.last.bias)
        x = self.norm(torch.relu(self.first(x)))
        if "buffers" in h:
            self.average = 0.9 * self.average + 0.1 * x.detach().mean(0)
            self.scratch.add_(1.0)
        if "attributes" in h:
            self.steps += 1
            self.history.append(x.detach())
            self.cache["x"] = x.detach()
            self.new = 3
        if "flags" in h:
            self.norm.eval()
            self.first.weight.requires_grad_(False)
        if "hooks" in h:
            self.last.register_forward_hook(lambda *_: None)
        if "random" in h:
            random.random()
            np.random.rand()
            x = x + torch.randn(1) + nn.functional.dropout(x)
        if "modes" in h:
            torch.set_grad_enabled(False)
            torch.set_grad_enabled(True)
            torch.use_deterministic_algorithms(True)
        if "parameters" in h:
            self.extra = nn.Parameter(torch.zeros(1))
        if "raises" in h:
            raise ValueError("I do not feel like it")
        if "interrupts" in h:
            raise KeyboardInterrupt
        return self.last(x)


HABITS = ["writes input", "clips weights", "zeroes last", "swaps data", "buffers", "attributes", "flags", "hooks", "random", "modes", "parameters", "raises", "interrupts"]
WRAPPERS = {
    "plain": lambda m: m,
    "data parallel": nn.DataParallel,
    "weight norm": lambda m: (nn.utils.parametrizations.weight_norm(m.last), m)[1],
    "spectral norm": lambda m: (nn.utils.parametrizations.spectral_norm(m.last), m)[1],
    "double": lambda m: m.double(),
    "frozen": lambda m: (m.first.requires_grad_(False), m)[1],
    "eval": lambda m: m.eval(),
}


@SETTINGS
@given(st.frozensets(st.sampled_from(HABITS), max_size=4), st.sampled_from(sorted(WRAPPERS)), st.booleans(), st.booleans())
def test_check_leaves_everything_as_it_was(habits: frozenset[str], wrapper: str, with_optimizer: bool, with_gradients: bool) -> None:
    if wrapper in ("weight norm", "spectral norm"):
        habits -= {"zeroes last"}  # writing to a computed weight raises in torch itself
    torch.manual_seed(0)
    model = WRAPPERS[wrapper](Unruly(habits))
    x = torch.randn(9, 6, dtype=torch.float64 if wrapper == "double" else torch.float32)
    y = torch.randint(0, 3, (9,))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3) if with_optimizer else None
    if with_gradients:
        for parameter in model.parameters():
            parameter.grad = torch.full_like(parameter, 0.5)
    before = fingerprint(model, optimizer, (x, y))
    try:
        check(model, x, y, nn.functional.cross_entropy, optimizer=optimizer)
    except (ModelError, KeyboardInterrupt):
        assert habits & {"raises", "interrupts", "modes", "flags"}
    after = fingerprint(model, optimizer, (x, y))
    assert {k: (v, after.get(k)) for k, v in before.items() if after.get(k) != v} == {}
    assert set(before) == set(after)


def test_a_real_step_is_undone() -> None:
    model = nn.Linear(4, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    before = fingerprint(model, optimizer)
    with transaction(model, optimizer=optimizer) as held:
        held.will_change_parameters()
        for _ in range(3):
            optimizer.step()
        optimizer.param_groups[0]["lr"] = 7.0
        assert fingerprint(model, optimizer) != before
    assert fingerprint(model, optimizer) == before


def test_scripted_writes_out_of_sight_are_reported() -> None:
    class Writer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.weight.detach().add_(1.0)
            return x * self.weight

    model = torch.jit.script(Writer())
    with pytest.raises(RestoreError, match=r"overwritten out of sight .* shape \(3,\)"), transaction(model):
        model(torch.ones(3))


def test_inference_mode_is_refused() -> None:
    with torch.inference_mode(), pytest.raises(InputError, match="inference_mode"), transaction(nn.Linear(1, 1)):
        pass


def test_tied_weights_stay_tied() -> None:
    model = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 5, bias=False))
    model[1].weight = model[0].weight
    check(model, torch.randint(0, 5, (8, 3)))
    assert model[1].weight is model[0].weight
