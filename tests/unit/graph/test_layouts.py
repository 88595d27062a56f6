"""Sparse and jagged inputs: checked, and put back whatever the forward did to them."""

import pytest
import torch
from torch import nn

from steadygrad.door import check
from steadygrad.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:.*(beta|prototype) (state|stage).*:UserWarning")
X, Y = torch.randn(12, 8, generator=torch.Generator().manual_seed(0)), torch.arange(12) % 3
DENSE = torch.eye(12) + torch.eye(12).roll(1, 0)


class Graph(nn.Module):
    def __init__(self, writes: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.writes = nn.Linear(8, 16), nn.Linear(16, 3), writes

    def forward(self, x, neighbours):
        if self.writes:
            neighbours.mul_(2.0)
            (neighbours._values() if neighbours.layout is torch.sparse_coo else neighbours.values()).add_(1.0)
        return neighbours @ self.second((neighbours @ self.first(x)).relu())


@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr, torch.sparse_csc])
def test_sparse_inputs(layout: torch.layout) -> None:
    neighbours = DENSE.to_sparse(layout=layout)
    report = check(Graph(), (X, neighbours), Y, nn.functional.cross_entropy)
    dense = check(Graph(), (X, DENSE), Y, nn.functional.cross_entropy)
    assert report.ok and not report.not_seen
    for ours, theirs in zip(report.layers, dense.layers, strict=True):
        assert ours.where == theirs.where and ours.q == pytest.approx(theirs.q, rel=1e-5)


@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr])
def test_writes_into_sparse_inputs_are_undone(layout: torch.layout) -> None:
    neighbours = DENSE.to_sparse(layout=layout)
    check(Graph(writes=True), (X, neighbours), Y, nn.functional.cross_entropy)
    assert torch.equal(neighbours.to_dense(), DENSE)


class Pooled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 3)

    def forward(self, x):
        return torch.nested.to_padded_tensor(self.layer(x), 0.0).sum(1)


def test_jagged_inputs() -> None:
    parts = [torch.randn(n, 8) for n in (2, 5, 3, 4)]
    report = check(Pooled(), torch.nested.nested_tensor(parts, layout=torch.jagged), torch.arange(4) % 3, nn.functional.cross_entropy)
    assert report.ok and [r.where for r in report.layers if r.op == "linear"] == ["layer"]
    with pytest.raises(InputError, match=r"`inputs` is a nested tensor of the strided layout.*layout=torch.jagged"):
        check(Pooled(), torch.nested.nested_tensor(parts), torch.arange(4) % 3, nn.functional.cross_entropy)


def test_fresh_tensors_are_no_signal_and_transforms_are_known() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 3)

        def forward(self, x):
            h = torch.fft.irfft(torch.fft.rfft(self.first(x)), n=8).tanh()
            return self.second(h + 0.1 * torch.randn_like(h) * h.new_ones(8))

    report = check(Net(), X, Y, nn.functional.cross_entropy)
    assert report.ok and not report.not_seen
    assert "randn_like" not in [r.op for r in report.layers] and "fft_rfft" in [r.op for r in report.layers]
