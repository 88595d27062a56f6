"""Roles, exclusions, factors, sharded parameters and errors of the layer-wise optimizers."""

import numpy as np
import pytest
import torch
from torch import nn

from steadygrad.errors import InputError
from steadygrad.normalization import BatchNorm, FilterResponseNorm
from steadygrad.optim import AGC, LAMB, LARC, LARS, adaptive_clip_, groups_by_role, layerwise, roles, trust_ratios
from steadygrad.optim.agc import unit_axes
from steadygrad.optim.trust_ratio import norms


def test_lars_denominator_is_the_papers() -> None:
    """Other implementations divide by ‖g‖ alone: with β‖w‖ beside ‖g‖ the ratio is half of theirs here."""
    w, g = torch.full((2, 2), 5.0), torch.full((2, 2), 0.5)  # ‖w‖ = 10, ‖g‖ = 1
    p = nn.Parameter(w)
    factor = LARS([p], 1.0, weight_decay=0.1).factor(p, g)
    assert float(factor) == pytest.approx(0.001 * 10 / (1 + 0.1 * 10))


def test_ratios() -> None:
    w, u = torch.tensor([3.0, 0.0, 3.0, 3.0, float("inf")]), torch.tensor([6.0, 1.0, 0.0, float("nan"), 1.0])
    torch.testing.assert_close(trust_ratios(w, u), torch.tensor([0.5, 1.0, 1.0, 1.0, 1.0]))
    assert float(trust_ratios(w[:1], u[:1], clip=0.2)) == pytest.approx(0.2)
    half = [torch.full((1000,), 300.0).half()]
    assert float(norms(half)[0]) == pytest.approx(300 * 1000**0.5, rel=1e-3)


def test_lamb_without_ratio_is_adamw_and_bound_holds() -> None:
    torch.manual_seed(0)
    p, q = nn.Parameter(torch.randn(5).double()), None
    q = nn.Parameter(p.detach().clone())
    a, b = LAMB([p], 0.01, eps=1e-8, weight_decay=0.1), torch.optim.AdamW([q], 0.01, weight_decay=0.1)
    for _ in range(5):
        p.grad = torch.randn(5).double()
        q.grad = p.grad.clone()
        a.step(), b.step()
        # AdamW decays before its step and LAMB within: they differ by lr²·λ per step
        assert (p - q).abs().max() < 5 * 0.01**2 * 0.1 * 1.1
    w = nn.Parameter(torch.full((2, 2), 50.0))
    assert float(LAMB([w], bound=10.0).factor(w, torch.full((2, 2), 0.5))) == pytest.approx(10.0)
    assert float(LAMB([w]).factor(w, torch.full((2, 2), 0.5))) == pytest.approx(100.0)


def test_lamb_clips_all_gradients_together() -> None:
    a, b = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(3))
    optimizer = LAMB([a, b], max_grad_norm=1.0)
    a.grad, b.grad = torch.full((2, 2), 3.0), torch.full((3,), 4.0)
    total = float(torch.cat([a.grad.flatten(), b.grad]).norm())
    optimizer.step()
    torch.testing.assert_close(a.grad, torch.full((2, 2), 3.0 / total))
    a.grad.fill_(float("inf"))
    optimizer.step(lambda: torch.tensor(1.5))
    assert a.grad.isinf().all()


def test_parameters_that_join_later_are_corrected_from_their_own_start() -> None:
    a, b = (nn.Parameter(torch.ones(2, 2).double()) for _ in range(2))
    optimizer = LAMB([a, b], 0.1, weight_decay=0.0)
    a.grad = torch.ones(2, 2).double()
    optimizer.step()
    after_one = a.detach().clone()
    b.grad = torch.ones(2, 2).double()
    optimizer.step()
    torch.testing.assert_close(b.detach(), after_one)


def test_agc_units_of_transposed_kernels_and_vectors() -> None:
    net = nn.Sequential(nn.Conv2d(2, 3, 2), nn.ConvTranspose2d(3, 4, 2))
    axes = unit_axes(net)
    assert list(axes.values()) == [1]
    for p in net.parameters():
        p.grad = torch.full_like(p, 100.0)
    adaptive_clip_(net.parameters(), 0.01, axes=axes)
    for p, axis in ((net[0].weight, 0), (net[1].weight, 1)):
        w, g = (t.detach().movedim(axis, 0).flatten(1).norm(dim=1) for t in (p, p.grad))
        torch.testing.assert_close(g, 0.01 * w.clamp(min=1e-3))
    torch.testing.assert_close(net[0].bias.grad.norm(), 0.01 * net[0].bias.detach().norm())


def test_agc_lets_a_zero_gain_move_and_small_gradients_alone() -> None:
    gain, w = nn.Parameter(torch.zeros(())), nn.Parameter(torch.ones(2, 2))
    gain.grad, w.grad = torch.tensor(5.0), torch.full((2, 2), 1e-4)
    optimizer = torch.optim.SGD([gain, w], 1.0)
    around = AGC(optimizer)
    optimizer.step()
    assert float(gain.detach()) == pytest.approx(-1e-5) and torch.equal(w.grad, torch.full((2, 2), 1e-4))
    assert float(around.factor(gain, torch.tensor(0.0))) == 1.0
    around.remove()
    gain.grad = torch.tensor(5.0)
    optimizer.step()
    assert float(gain.detach()) == pytest.approx(-5.0, rel=1e-4)


def test_larc_with_decoupled_decay_scales_the_gradient_only_and_excludes() -> None:
    p, q = nn.Parameter(torch.ones(2, 2).double()), nn.Parameter(torch.ones(2, 2).double())
    optimizer = torch.optim.AdamW([p, q], 0.1, weight_decay=0.5)
    around = LARC(optimizer, exclude=[q])
    p.grad, q.grad = torch.full((2, 2), 3.0).double(), torch.full((2, 2), 3.0).double()
    around.rewrite_()
    torch.testing.assert_close(p.grad, torch.full((2, 2), 3.0).double() * min(0.02 * 2 / (6 + 1e-8) / 0.1, 1), rtol=1e-12, atol=0)
    assert torch.equal(q.grad, torch.full((2, 2), 3.0).double())
    assert float(around.factor(p, torch.zeros(2, 2).double())) == 1.0


class Homemade(nn.Module):
    """A norm and a bias that no class or name gives away."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.randn(4, 4))
        self.alpha = nn.Parameter(torch.ones(4))
        self.norm_like_name = nn.Parameter(torch.randn(4, 3))
        self.offset = nn.Parameter(torch.zeros(1, 3))

    def forward(self, x):
        x = nn.functional.layer_norm(x @ self.matrix, (4,), self.alpha)
        return x @ self.norm_like_name + self.offset


def test_roles_follow_use_not_names() -> None:
    net = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 4), BatchNorm(4), nn.LayerNorm(4))
    assert roles(net) == {
        "0.weight": "table", "1.weight": "weight", "1.bias": "bias", "2.weight": "norm", "2.bias": "norm", "3.weight": "norm", "3.bias": "norm",
    }  # fmt: skip
    x = torch.randn(6, 4)
    assert roles(Homemade(), x) == {"matrix": "weight", "alpha": "norm", "norm_like_name": "weight", "offset": "bias"}
    groups = groups_by_role(Homemade(), 0.1, x)
    assert [[tuple(p.shape) for p in g["params"]] for g in groups] == [[(4, 4), (4, 3)], [(4,), (1, 3)]]
    assert [g["weight_decay"] for g in groups] == [0.1, 0.0] and [g["adapt"] for g in groups] == [True, False]
    frozen = nn.Sequential(nn.Linear(3, 3), FilterResponseNorm(3))
    frozen[0].weight.requires_grad_(False)
    assert len(groups_by_role(frozen)[0]["params"]) == 0 and len(groups_by_role(frozen)[1]["params"]) == 4


def test_excluded_groups_get_plain_sgd() -> None:
    p, q = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2, 2))
    ours = LARS([{"params": [p], "adapt": False}], 0.1, momentum=0.9)
    theirs = torch.optim.SGD([q], 0.1, momentum=0.9)
    for _ in range(3):
        p.grad, q.grad = torch.full((2, 2), 2.0), torch.full((2, 2), 2.0)
        ours.step(), theirs.step()
    torch.testing.assert_close(p, q)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda p: LARS([p], -1.0), r"LARS: `lr` must be a finite number in \[0, inf\], got -1.0"),
        (lambda p: LARS([p], 1.0, momentum=1.5), r"`momentum` .*\[0, 1\], got 1.5"),
        (lambda p: LARS([p], 1.0, weight_decay=float("nan")), "`weight_decay` .*got nan"),
        (lambda p: LAMB([p], betas=(0.9, 1.0)), r"`betas\[1\]` .*got 1.0"),
        (lambda p: LAMB([p], eps=0.0), "`eps` .*got 0.0"),
        (lambda p: LAMB([p], bound=-1), "`bound` .*got -1"),
        (lambda p: LARC([p]), "LARC: needs a torch.optim.Optimizer, got list; pass the optimizer itself"),
        (lambda p: AGC(torch.optim.SGD([p], 0.1), 0.0), "`clipping` .*got 0.0"),
        (lambda p: adaptive_clip_([p], per="row"), "`per` must be 'unit' or 'tensor', got 'row'"),
    ],
)
def test_errors(build, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(nn.Parameter(torch.ones(2, 2)))


@pytest.mark.parametrize("kind", [LARS, LAMB])
def test_a_group_that_joins_later_is_looked_at_too(kind: type) -> None:
    p, q = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2, 2))
    optimizer = kind([p], lr=0.1)
    with pytest.raises(InputError, match=rf"{kind.__name__}: `lr` must be a finite number .*got -1.0"):
        optimizer.add_param_group({"params": [q], "lr": -1.0})
    assert len(optimizer.param_groups) == 1
    optimizer.add_param_group({"params": [q], "weight_decay": 0.0})
    assert len(optimizer.param_groups) == 2


@pytest.mark.parametrize("kind", ["lars", "lamb"])
def test_portions_change_no_bit(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a processor a step goes over a few tensors at a time; on others over all. Each tensor's numbers are its own."""
    whole, parts = _net(), _net()
    _steps(whole, kind)
    assert [len(part) for part in layerwise.portions(list(parts.parameters()))] == [4]
    monkeypatch.setattr(layerwise, "PORTION", 56)  # 48 and 8 together; 24 and 3
    assert [len(part) for part in layerwise.portions(list(parts.parameters()))] == [2, 2]
    monkeypatch.setattr(layerwise, "PORTION", 1)
    assert [len(part) for part in layerwise.portions(list(parts.parameters()))] == [1, 1, 1, 1]
    _steps(parts, kind)
    assert all(torch.equal(p, q) for p, q in zip(whole.parameters(), parts.parameters(), strict=True))


def test_sparse_gradients_are_refused() -> None:
    net = nn.Embedding(4, 2, sparse=True)
    net(torch.tensor([1])).sum().backward()
    with pytest.raises(InputError, match=r"LARS: gradients must be dense, got a sparse one of shape \(4, 2\)"):
        LARS(net.parameters(), 0.1).step()


def _net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))


def _optimizers(params, kind: str):
    if kind == "lars":
        return LARS(params, 0.5, weight_decay=0.01)
    if kind == "lamb":
        return LAMB(params, 0.1, max_grad_norm=0.5)
    optimizer = torch.optim.SGD(params, 0.5, weight_decay=0.01)
    (LARC if kind == "larc" else AGC)(optimizer)
    return optimizer


def _steps(net: nn.Module, kind: str) -> None:
    optimizer = _optimizers(net.parameters(), kind)
    x = torch.randn(8, 6, generator=torch.Generator().manual_seed(1))
    for _ in range(3):
        optimizer.zero_grad()
        net(x).square().sum().backward()
        optimizer.step()


def _worker(rank: int, world: int, port: int, folder: str, kind: str) -> None:
    import os
    from pathlib import Path

    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), RANK=str(rank), WORLD_SIZE=str(world))
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", rank=rank, world_size=world)
    net = _net()
    fully_shard(net, mesh=init_device_mesh("cpu", (world,)))
    _steps(net, kind)
    whole = {name: p.full_tensor().detach() for name, p in net.named_parameters()}
    if rank == 0:
        torch.save(whole, Path(folder) / "whole.pt")
    torch.distributed.barrier()  # who leaves first takes the others' connections away
    torch.distributed.destroy_process_group()


@pytest.mark.distributed
@pytest.mark.parametrize("kind", ["lars", "lamb", "larc", "agc"])
def test_sharded_parameters_take_the_steps_of_whole_ones(kind: str, tmp_path) -> None:
    """Norms of shards are not norms: under FSDP2 each process would take a step of its own length."""
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    torch.multiprocessing.start_processes(_worker, args=(2, port, str(tmp_path), kind), nprocs=2, start_method="fork")
    net = _net()
    _steps(net, kind)
    got = torch.load(tmp_path / "whole.pt", weights_only=True)
    for name, p in net.named_parameters():
        np.testing.assert_allclose(got[name], p.detach(), rtol=1e-5, atol=1e-6)
