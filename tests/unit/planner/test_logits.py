"""Attention logits count as a softmax sees them: within a row, behind learned scales and masks, apart from what is added to them."""

import pytest
import torch
from torch import nn

from steadygrad.graph.ops.constant import is_mask
from steadygrad.planner.sight import see
from steadygrad.planner.study import Study

WIDTH, PLACES = 64, 16


class Attention(nn.Module):
    """Attention whose logits are scaled by a learned number, get a bias of each query and key, 16·sigmoid(x) (Swin V2), and a mask."""

    def __init__(self, scale: float, bias: bool = False, masked: bool = False) -> None:
        super().__init__()
        self.norm, self.query, self.key, self.value, self.out = (nn.LayerNorm(WIDTH), *(nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(4)))
        self.scale, self.steer = nn.Parameter(torch.full((1, 1, 1), scale)), nn.Linear(WIDTH, PLACES, bias=False) if bias else None
        self.register_buffer("mask", torch.full((PLACES, PLACES), -100.0).triu(1) if masked else None)

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        found = self.query(x) @ self.key(x).transpose(1, 2) * self.scale
        found = found if self.steer is None else found + 16.0 * torch.sigmoid(self.steer(x))
        return found if self.mask is None else found + self.mask

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(x)
        return self.out(torch.softmax(self.logits(x), -1) @ self.value(x))


def designed(net: nn.Module) -> tuple[Study, torch.Tensor]:
    torch.manual_seed(0)
    x = torch.randn(8, PLACES, WIDTH)
    made = Study(net, see(net, x), x, {}, {})
    made.design.finish()
    return made, x


def product(made: Study, x: torch.Tensor, net: nn.Module) -> float:
    """Second moment of q·k as designed, times that of the scale."""
    node = next(n for n in made.graph.nodes if n.kind == "contract")
    return made.run(net, x, 0).signals[node.index].moments.q * float(net.scale.detach().mean()) ** 2


def test_learned_scales_are_looked_through() -> None:
    made, x = designed(net := Attention(0.5))
    assert product(made, x, net) == pytest.approx(1.0, rel=0.3)


def test_an_offset_that_a_row_has_in_common_takes_nothing_from_queries_and_keys() -> None:
    """16·sigmoid(x) is 8 on average: counted, queries and keys would be shrunk for 80, and to nothing."""
    made, x = designed(net := Attention(0.5, bias=True))
    assert product(made, x, net) == pytest.approx(1.0, rel=0.3)


def test_added_masks_hide_and_do_not_count() -> None:
    made, x = designed(net := Attention(0.5, masked=True))
    node = next(n for n in made.graph.nodes if n.options.get("masks"))
    walk = made.design.finish_as_is()
    assert walk.signals[node.index].value == pytest.approx(walk.signals[node.inputs[0]].value)
    assert product(made, x, net) == pytest.approx(1.0, rel=0.3)


@pytest.mark.parametrize("other", [torch.full((4, 4), -100.0), torch.tensor([0.0, -1.0]), torch.tensor([0.0, 50.0])])
def test_only_zeros_beside_large_negative_numbers_are_a_mask(other: torch.Tensor) -> None:
    assert is_mask(torch.tensor([0.0, -100.0])) and not is_mask(other)
