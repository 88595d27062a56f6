"""DDP-wrapped models: looked at in this process only, and left as they were, reducer included."""

from pathlib import Path

import pytest
import torch
import torch.multiprocessing as mp
from torch import nn

pytestmark = pytest.mark.distributed


def worker(rank: int, world: int, store: str, results: str) -> None:
    import torch.distributed as dist

    from steadygrad.door import check
    from steadygrad.graph.fingerprint import fingerprint

    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world)
    torch.manual_seed(0)
    model = nn.parallel.DistributedDataParallel(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2)))
    x, y = torch.randn(16, 8), torch.randint(0, 2, (16,))
    before = fingerprint(model, None, (x, y))
    report = check(model, x, y, nn.functional.cross_entropy)
    same = fingerprint(model, None, (x, y)) == before
    nn.functional.cross_entropy(model(x), y).backward()  # training goes on, gradients are averaged
    grads = [p.grad.clone() for p in model.parameters()]
    mean = [g.clone() for g in grads]
    for g in mean:
        dist.all_reduce(g)
    averaged = all(torch.allclose(m / world, g) for m, g in zip(mean, grads, strict=True))
    Path(f"{results}.{rank}").write_text(f"{report.ok} {same} {averaged} {report.layers[0].where} {any('Distributed' in s for s in report.not_seen)}")
    dist.barrier()  # who leaves first takes the others' connections away
    dist.destroy_process_group()


@pytest.mark.parametrize("world", [2, 4])
def test_ddp(tmp_path: Path, world: int) -> None:
    mp.spawn(worker, args=(world, str(tmp_path / "store"), str(tmp_path / "out")), nprocs=world)
    assert {(tmp_path / f"out.{rank}").read_text() for rank in range(world)} == {"True True True 0 True"}
