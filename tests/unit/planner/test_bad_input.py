"""Every bad input to a plan gets one clear sentence, and the model keeps every number."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

import steadygrad as sg
from steadygrad import schemes
from steadygrad.errors import InputError, ModelError, SteadygradError, TargetError

X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


@pytest.mark.parametrize(("settings", "error", "message"), [
    ({"scheme": "he_norml"}, InputError, "did you mean he_normal"), ({"scheme": "xavierr"}, InputError, "of recipes, 'xavier'"),
    ({"scheme": "torch.kaming_normal_"}, InputError, "did you mean kaiming_normal"), ({"scheme": None}, InputError, "must be 'auto', .* got None"),
    ({"overrides": {"nope": "zeros"}}, InputError, "pattern 'nope' must match a parameter, got none of 4; there are 0.weight"),
    ({"overrides": {"2.weight": "auto"}}, InputError, "of '2.weight' must be a scheme or its name"),
    ({"overrides": {"2.weight": float("nan")}}, InputError, "of '2.weight' must be a scheme or its name, .* got nan"),
    ({"overrides": ["2.weight"]}, InputError, "must map regular expressions to schemes"),
    ({"overrides": {"bias": "he_normal"}}, InputError, r"must suit `0.bias` of shape \(8,\): a bias has no fans"),
    ({"overrides": {"2.bias": "orthogonal"}}, InputError, r"must suit `2.bias` of shape \(2,\): .* at least 2 axes"),
    ({"overrides": {"2.weight": schemes.dirac(1.0, 3)}}, InputError, "must suit `2.weight` .* 3 groups must divide"),
    ({"overrides": {"2.weight": schemes.given([1.0, 2.0, 3.0])}}, InputError, "must suit `2.weight` .* must broadcast"),
    ({"overrides": {"2.weight": schemes.Load({"x": [1.0]})}}, TargetError, "`2.weight` is not among the loaded values"),
    ({"scheme": schemes.Mixed([("0.*", schemes.he_normal())])}, TargetError, "no pattern of Mixed matches `2.weight`"),
    ({"keep": ["zzz"]}, InputError, "`keep` pattern 'zzz' must match"), ({"keep": ["("]}, InputError, "regular expressions, got"), ({"keep": 3}, InputError, "got 3"),
    *(({"seed": seed}, InputError, "`seed` must be an integer in") for seed in (-1, 2**64, 1.5, "a", True)),
    ({"inputs": torch.ones(0, 4)}, InputError, "empty batch"), ({"inputs": "hello"}, InputError, "at least one tensor"), ({"inputs": iter([X])}, InputError, "one batch"),
    ({"inputs": torch.ones(6, 4, dtype=torch.int64)}, ModelError, r"try: .*inputs\.float"), ({"inputs": torch.ones(6, 5)}, ModelError, "shape of the inputs"),
])  # fmt: skip
def test_refused(settings: dict, error: type[SteadygradError], message: str) -> None:
    model = net()
    before = [p.clone() for p in model.parameters()]
    with pytest.raises(error, match=f"(?s){message}"):
        sg.initialize_(model, **{"inputs": X, **settings})
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))


def test_one_pattern_may_stand_alone() -> None:
    made = sg.plan(net(), X, keep="^0.weight")
    assert [row.name for row in made.rows if row.action == "keep"] == ["0.weight"]


@pytest.mark.parametrize("model", [nn.Linear, lambda x: x], ids=["class", "function"])
def test_what_is_no_module(model: object) -> None:
    with pytest.raises(InputError, match="must be a"):
        sg.plan(model, X)


class Odd(nn.Module):
    """A model with one parameter of an odd kind beside a layer."""

    def __init__(self, parameter: nn.Parameter, use: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.odd, self.use, self.layer = parameter, use, nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(self.use(x, self.odd))


def test_tensors_that_share_memory_are_named_and_nothing_is_written() -> None:
    model = Odd(nn.Parameter(torch.ones(1, 4).expand(4, 4)), lambda x, w: x @ w)
    before = model.layer.weight.clone()
    with pytest.raises(InputError, match=r"`odd`: entries must not share memory, got strides \(0, 1\).*keep=\['odd'\]"):
        sg.initialize_(model, X)
    assert torch.equal(model.layer.weight, before)


def test_empty_integer_and_strided_parameters() -> None:
    empty = Odd(nn.Parameter(torch.empty(0, 4)), lambda x, w: x)
    assert sg.initialize_(empty, X).row("odd").action == "keep"
    whole = Odd(nn.Parameter(torch.arange(4), requires_grad=False), lambda x, w: x * w)
    assert sg.initialize_(whole, X).row("odd").reason == "frozen" and whole.odd.tolist() == [0, 1, 2, 3]
    plain, turned = (Odd(nn.Parameter(w), lambda x, w: x @ w) for w in (torch.ones(4, 8)[:, :4].contiguous(), torch.ones(8, 4).T[:, :4]))
    for model in (plain, turned):
        sg.initialize_(model, X)
    assert not turned.odd.is_contiguous() and torch.equal(plain.odd, turned.odd)


def test_meta_is_told_the_call_that_gives_memory() -> None:
    with torch.device("meta"):
        model = net()
    with pytest.raises(InputError, match=r"`0\.weight` of shape \(8, 4\) on the meta device has no memory.*apply_\(model, device='cpu'\)"):
        sg.initialize_(model, X)
    assert sg.initialize_(model, X, device="cpu").row("0.weight").action == "draw" and not model[0].weight.is_meta
