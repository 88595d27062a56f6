"""A softplus that a model writes out is one op; what only looks like one is left alone."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from steadygrad.graph.trace import trace

Written = Callable[[torch.Tensor], torch.Tensor]
SOFTPLUS: dict[str, Written] = {
    "sum": lambda x: torch.log(1 + torch.exp(x)),
    "log1p": lambda x: torch.log1p(torch.exp(x)),
    "cast": lambda x: torch.log1p(torch.exp(x).double()).float(),
    "chosen": lambda x: torch.where(x > 20, x, torch.log1p(torch.exp(x))),
}
OTHERS: dict[str, Written] = {
    "another number": lambda x: torch.log(2 + torch.exp(x)),
    "dropped out between": lambda x: torch.log1p(F.dropout(torch.exp(x), 0.5)),
    "of something else": lambda x: torch.log1p(torch.square(x)),
}


class _Net(nn.Module):
    def __init__(self, written: Written) -> None:
        super().__init__()
        self.a, self.b, self.written = nn.Linear(16, 16), nn.Linear(16, 4), written

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(self.written(self.a(x)))


def read(written: Written) -> bool:
    """Whether the last layer reads a softplus."""
    graph = trace(_Net(written), torch.randn(8, 16, generator=torch.Generator().manual_seed(0))).graph
    last = next(node for node in graph.nodes if node.where == "b")
    made = graph.upstream(last.index)
    return made is not None and made.op == "softplus" and made.kind == "activation"


@pytest.mark.parametrize("name", SOFTPLUS)
def test_written_softplus_is_one_op(name: str) -> None:
    x = torch.linspace(-6.0, 6.0, 50)
    torch.testing.assert_close(SOFTPLUS[name](x), F.softplus(x))  # the specimen is what it is said to be
    assert read(SOFTPLUS[name])


@pytest.mark.parametrize("name", OTHERS)
def test_others_are_left_alone(name: str) -> None:
    assert not read(OTHERS[name])
