"""FSDP2: the same findings and numbers as unsharded, every shard left as it was, and training that goes on as if nothing had been."""

import json
from pathlib import Path

import pytest
import torch
import torch.multiprocessing as mp
from torch import nn

pytestmark = pytest.mark.distributed


def network(sick: bool) -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(*[nn.Sequential(nn.Linear(18, 18), nn.BatchNorm1d(18), nn.ReLU()) for _ in range(3)], nn.Linear(18, 5))
    if sick:
        for layer in (net[1][0], net[2][0]):  # the second, so that the first one's units get equal gradients
            nn.init.constant_(layer.weight, 0.3)
            nn.init.constant_(layer.bias, 0.0)
    return net


def steps(net: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor) -> list[float]:
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def worker(rank: int, world: int, store: str, results: str) -> None:
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    from steadygrad.door import check

    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world)
    mesh = init_device_mesh("cpu", (world,))
    found = {}
    for sick in (False, True):
        torch.manual_seed(1)
        x, y = torch.randn(32, 18), torch.randint(0, 5, (32,))
        losses, reports = [], []
        for checked in (True, False):
            net = network(sick)
            plain = check(net, x, y, nn.functional.cross_entropy, optimizer=torch.optim.Adam(net.parameters(), 1e-3))
            for block in [*net[:3], net]:
                fully_shard(block, mesh=mesh)
            optimizer = torch.optim.Adam(net.parameters(), 1e-3)
            steps(net, optimizer, x, y)  # gradients and moments are there
            before = [p.to_local().clone() for p in net.parameters()], [p.grad.to_local().clone() for p in net.parameters()]
            if checked:
                check(net, x, y, nn.functional.cross_entropy, optimizer=optimizer)
                after = [p.to_local() for p in net.parameters()], [p.grad.to_local() for p in net.parameters()]
                found[f"bits {sick}"] = all(torch.equal(a, b) for old, new in zip(before, after, strict=True) for a, b in zip(old, new, strict=True))
            losses.append(steps(net, optimizer, x, y))
        fresh = network(sick)
        for block in [*fresh[:3], fresh]:
            fully_shard(block, mesh=mesh)
        reports = plain, check(fresh, x, y, nn.functional.cross_entropy, optimizer=torch.optim.Adam(fresh.parameters(), 1e-3))
        rows = [[(r.where, r.op, r.q, r.gradient_q, r.weight_std, r.update_ratio) for r in report.layers] for report in reports]
        found[f"losses {sick}"] = losses[0] == losses[1]
        found[f"findings {sick}"] = [(f.code, f.where) for f in reports[0].findings] == [(f.code, f.where) for f in reports[1].findings]
        found[f"cause {sick}"] = reports[1].cause.slug if reports[1].cause else ""
        found[f"rows {sick}"] = len(rows[0]) == len(rows[1]) and all(
            a == b or (isinstance(a, float) and abs(a - b) <= 1e-5 * abs(a)) for left, right in zip(*rows, strict=True) for a, b in zip(left, right, strict=True)
        )
    Path(f"{results}.{rank}").write_text(json.dumps(found))
    dist.barrier()  # who leaves first takes the others' connections away
    dist.destroy_process_group()


@pytest.mark.parametrize("world", [2, 4])
def test_fsdp2(tmp_path: Path, world: int) -> None:
    mp.spawn(worker, args=(world, str(tmp_path / "store"), str(tmp_path / "out")), nprocs=world)
    expected = {f"{what} {sick}": True for sick in (False, True) for what in ("bits", "losses", "findings", "rows")}
    expected |= {"cause False": "", "cause True": "symmetric-units"}
    for rank in range(world):
        assert json.loads((tmp_path / f"out.{rank}").read_text()) == expected
