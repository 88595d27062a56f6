"""Which weights the answers come from that are no parameters of the model: the sets are known by construction."""

import pytest
import torch
from torch import nn

from steadygrad.pipeline import observe
from steadygrad.probes.experiments.strangers import Strangers
from steadygrad.rules.specimens import classification, mlp


class Holder(nn.Module):
    """A registered first layer, and what `keep` makes of a hidden layer and a head."""

    def __init__(self, keep) -> None:
        super().__init__()
        self.first = mlp(16, 32)
        self.rest = keep(mlp(32, 8)[0], mlp(8, 4)[0])

    def layers(self) -> list[nn.Module]:
        rest = self.rest
        while not isinstance(rest, list | tuple | nn.ModuleList):
            rest = next(iter(rest.values())) if isinstance(rest, dict) else list(rest)
        return list(rest)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.first(x))
        hidden, head = self.layers()
        return head(torch.relu(hidden(x)))


def strangers(model: nn.Module, **given) -> Strangers | None:
    return observe(classification(model, **given)).experiments.get("strangers")


@pytest.mark.parametrize("keep", [lambda *m: list(m), lambda *m: m, lambda *m: {"deep": {"er": list(m)}}], ids=["list", "tuple", "dicts"])
def test_layers_in_plain_containers_are_counted_and_their_attribute_is_named(keep) -> None:
    found = strangers(Holder(keep))
    assert found is not None
    assert sorted(found.shapes) == [(4,), (4, 8), (8,), (8, 32)]
    assert found.entries == 4 + 4 * 8 + 8 + 8 * 32
    assert (found.owner, found.attribute) == ("", "rest")


def test_the_module_that_keeps_them_is_named_by_its_path() -> None:
    found = strangers(nn.Sequential(mlp(16, 16), Holder(lambda *m: list(m))))
    assert found is not None
    assert (found.owner, found.attribute) == ("1", "rest")


def test_registered_layers_frozen_ones_and_those_the_optimizer_holds_are_no_strangers() -> None:
    assert strangers(Holder(lambda *m: nn.ModuleList(m))) is None
    frozen = Holder(lambda *m: [layer.requires_grad_(False) for layer in m])
    assert strangers(frozen) is None
    held = Holder(lambda *m: list(m))
    weights = [*held.parameters(), *(p for layer in held.layers() for p in layer.parameters())]
    assert strangers(held, optimizer=torch.optim.SGD(weights, lr=0.1)) is None


def test_layers_that_take_no_part_do_not_count() -> None:
    model = mlp(16, 4)
    model.spare = [mlp(8, 8)]
    assert strangers(model) is None


def test_an_old_weight_norm_and_a_parametrization_are_registered() -> None:
    assert strangers(nn.Sequential(nn.utils.parametrizations.weight_norm(mlp(16, 8)[0]), mlp(8, 4))) is None
    assert strangers(nn.Sequential(nn.utils.parametrizations.orthogonal(mlp(16, 16)[0]), mlp(16, 4))) is None


def test_zeros_that_a_forward_begins_with_are_no_weights() -> None:
    class Begun(nn.Module):
        def __init__(self, kept: bool) -> None:
            super().__init__()
            self.first, self.last = mlp(16, 64)[0], mlp(64, 4)[0]
            self.start = [torch.zeros(64, requires_grad=True)] if kept else []

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            start = self.start[0] if self.start else torch.zeros(64, requires_grad=True)
            return self.last((self.first(x) + start).relu())

    assert strangers(Begun(kept=False)) is None
    found = strangers(Begun(kept=True))
    assert found is not None and found.attribute == "start"
