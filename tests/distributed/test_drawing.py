"""Every process draws its own shard, and together they hold the bits of one process: any world size, placement, uneven cut."""

from pathlib import Path

import pytest
import torch
import torch.multiprocessing as mp

pytestmark = pytest.mark.distributed


def laws() -> dict:
    from steadygrad.randomness import blocks, normal, orthogonal, sparse, truncated_normal, uniform

    fused = blocks(normal(1.0), uniform(-1.0, 1.0), normal(2.0), sizes=(3, 5, 3))
    return {"normal": normal(0.5, 1.0), "truncated": truncated_normal(1.0), "fused": fused, "orthogonal": orthogonal(), "sparse": sparse(1.0, 0.5)}


def worker(rank: int, world: int, store: str, results: str) -> None:
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, empty

    from steadygrad.drawing import draw_
    from steadygrad.errors import InputError

    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world)
    line = init_device_mesh("cpu", (world,))
    places = [(line, [placement]) for placement in (Shard(0), Shard(1), Shard(2), Replicate())]
    if world == 4:
        grid = init_device_mesh("cpu", (2, 2))
        places += [(grid, pair) for pair in ([Shard(0), Shard(1)], [Shard(0), Shard(0)], [Replicate(), Shard(2)], [Shard(2), Shard(0)])]
    found = {}
    for name, law in laws().items():
        for dtype in (torch.float32, torch.bfloat16, torch.complex64):
            one = draw_(torch.empty(11, 5, 3, dtype=dtype), law, name="w", seed=2)  # 11 and 5 divide by neither 2 nor 4; 3 leaves a process empty
            for k, (mesh, placements) in enumerate(places):
                split = draw_(empty(11, 5, 3, dtype=dtype, device_mesh=mesh, placements=placements), law, name="w", seed=2)
                found[f"{name} {dtype} {k}"] = torch.equal(split.full_tensor(), one)
    found["fully_shard"] = sharded_model(world)
    summed = DTensor.from_local(torch.ones(2, 2), line, [Partial()])
    with pytest.raises(InputError, match="must be sharded or replicated, got placements"):
        draw_(summed, laws()["normal"], name="w")
    if rank == 0:
        torch.save(found, results)
    dist.barrier()  # who leaves first takes the others' connections away
    dist.destroy_process_group()


def sharded_model(world: int) -> bool:
    """FSDP2, and FSDP2 over tensor parallelism, whose strided shards interleave."""
    from torch import nn
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

    from steadygrad.drawing import draw_
    from steadygrad.randomness import normal

    def net() -> nn.Module:
        return nn.Sequential(nn.Linear(6, 13), nn.ReLU(), nn.Linear(13, 7))

    def drawn(model: nn.Module) -> list[torch.Tensor]:
        return [draw_(p, normal(1.0), name=name) for name, p in model.named_parameters()]

    single = drawn(net())
    models = [fully_shard(net(), mesh=init_device_mesh("cpu", (world,)))]
    if world == 4:
        mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("data", "tensor"))
        both = parallelize_module(net(), mesh["tensor"], {"0": ColwiseParallel(), "2": RowwiseParallel()})
        models.append(fully_shard(both, mesh=mesh["data"]))
    return all(torch.equal(p.full_tensor(), one) for model in models for p, one in zip(drawn(model), single, strict=True))


@pytest.mark.parametrize("world", [2, 4])
def test_shards_make_the_whole(tmp_path: Path, world: int) -> None:
    results = tmp_path / "found.pt"
    mp.spawn(worker, args=(world, str(tmp_path / "store"), str(results)), nprocs=world)
    found = torch.load(results)
    assert len(found) == 15 * (4 if world == 2 else 8) + 1
    assert all(found.values()), [case for case, same in found.items() if not same]
