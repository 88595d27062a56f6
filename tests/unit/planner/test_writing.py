"""Planned weights on their way: meta to memory, to a file, through interruptions, over processes."""

import json
import os

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import steadygrad as sg
from steadygrad.errors import InputError


def net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 4)
    )


def on_meta() -> nn.Sequential:
    with torch.device("meta"):
        return net()


def test_shapes_alone_are_enough_for_the_same_bits() -> None:
    model, ghost = net(), on_meta()
    made = sg.plan(ghost)
    assert any("shapes alone" in note for note in made.notes) and any("made-up inputs of shape 8×3×32×32" in note for note in made.notes)
    made.apply_(model)
    made.apply_(ghost, device="cpu")
    for (name, a), b in zip(model.state_dict().items(), ghost.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_ties_are_ties_in_memory_too() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.head = nn.Embedding(20, 8), nn.Linear(8, 20, bias=False)
            self.head.weight = self.table.weight

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.head(self.table(ids))

    with torch.device("meta"):
        ghost = Tied()
    sg.plan(ghost).apply_(ghost, device="cpu")
    assert ghost.head.weight is ghost.table.weight and not ghost.table.weight.is_meta


def test_meta_without_a_device_or_with_numbers_to_keep_is_refused() -> None:
    ghost = on_meta()
    made = sg.plan(ghost)
    with pytest.raises(InputError, match="meta device has no memory"):
        made.apply_(ghost)
    with pytest.raises(InputError, match=r"`5\.weight` on the meta device; say"):
        sg.plan(on_meta(), keep=["5.weight"]).apply_(ghost, device="cpu")
    assert ghost[0].weight.is_meta


def lazy() -> nn.Sequential:
    return nn.Sequential(nn.LazyConv1d(8, 3), nn.LazyBatchNorm1d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))


def test_lazy_modules_get_their_shapes_from_the_batch() -> None:
    x = torch.randn(4, 3, 6)
    model, other = lazy(), lazy()
    state = torch.get_rng_state()
    made = sg.plan(model, x)
    assert nn.parameter.is_lazy(model[0].weight)  # looked at in a copy
    with pytest.raises(InputError, match=r"`0\.weight` must have shape \(8, 3, 3\), got none yet"):
        made.apply_(model)
    assert sg.initialize_(model, x).row("4.weight").fans.fan_in == 32.0
    assert torch.equal(torch.get_rng_state(), state) and model[1].num_batches_tracked == 0 and isinstance(model[4], nn.Linear)
    other(x)
    sg.initialize_(other, x)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True))
    with pytest.raises(InputError, match=r"no shape yet .* give a batch"):
        sg.plan(lazy())


def test_a_file_holds_what_apply_draws(tmp_path) -> None:
    model = net()
    made = sg.plan(model)
    seen: list[str] = []
    path = made.write(on_meta(), tmp_path / "weights.safetensors", lambda name, number, total: seen.append(f"{name} {number}/{total}"))
    made.apply_(model)
    loaded = load_file(path)
    assert set(loaded) == set(model.state_dict())
    for name, value in model.state_dict().items():
        assert torch.equal(loaded[name], value), name
    assert seen[0] == "0.weight 1/11" and sorted(p.name for p in tmp_path.iterdir()) == ["weights.safetensors"]


@pytest.mark.parametrize("survives", [0, 1, 5, 10])
def test_a_killed_run_goes_on_where_it_was(tmp_path, survives: int) -> None:
    made, path = sg.plan(net()), tmp_path / "w.safetensors"

    def stop(name: str, number: int, total: int) -> None:
        if number > survives:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made.write(net(), path, stop)
    assert not path.exists()
    if (tmp_path / "w.safetensors.partial").exists():  # half a tensor more, as a power cut leaves it
        with (tmp_path / "w.safetensors.partial").open("ab") as file:
            file.write(b"torn")
    drawn: list[int] = []
    made.write(net(), path, lambda name, number, total: drawn.append(number))
    assert drawn[0] == survives + 1 and len(list(tmp_path.iterdir())) == 1
    whole = made.write(net(), tmp_path / "again.safetensors")
    assert whole.read_bytes() == path.read_bytes()


def test_another_plan_does_not_go_on_with_this_one(tmp_path) -> None:
    path = tmp_path / "w.safetensors"

    def stop(name: str, number: int, total: int) -> None:
        if number == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sg.plan(net(), seed=1).write(net(), path, stop)
    drawn: list[int] = []
    sg.plan(net(), seed=2).write(net(), path, lambda name, number, total: drawn.append(number))
    assert drawn[0] == 1


def test_a_damaged_journal_starts_over(tmp_path) -> None:
    path = tmp_path / "w.safetensors"
    (tmp_path / "w.safetensors.partial").write_bytes(b"x")
    (tmp_path / "w.safetensors.partial.json").write_text("{")
    sg.plan(net()).write(net(), path)
    assert len(load_file(path)) == 11


def test_files_that_cannot_be_written_are_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="existing folder"):
        sg.plan(net()).write(net(), tmp_path / "no" / "w.safetensors")
    normed = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)))
    with pytest.raises(InputError, match="parametrization"):
        sg.plan(normed, torch.randn(2, 4)).write(normed, tmp_path / "w.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_types_are_kept(tmp_path, dtype: torch.dtype) -> None:
    model = net().to(dtype)
    made = sg.plan(model, torch.randn(4, 3, 8, 8, dtype=dtype))
    loaded = load_file(made.write(model, tmp_path / "w.safetensors"))
    made.apply_(model)
    assert loaded["5.weight"].dtype == dtype and torch.equal(loaded["5.weight"], model[5].weight)


def _chain() -> nn.Sequential:
    return nn.Sequential(nn.Linear(16, 33), nn.Tanh(), nn.Linear(33, 5))  # 33 and 5 rows divide by neither 2 nor 4


def _sharded(rank: int, world: int, port: int, folder: str) -> None:
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import CPUOffloadPolicy, fully_shard
    from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), RANK=str(rank), WORLD_SIZE=str(world))
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    model, x = _chain(), torch.randn(8, 16)
    made, mesh, ways = sg.plan(model, x), init_device_mesh("cpu", (world,)), {"0": ColwiseParallel(), "2": RowwiseParallel()}
    with torch.device("meta"):
        ghosts = _chain(), _chain()
    models = {
        "fsdp2": fully_shard(model, mesh=mesh),
        "offloaded": fully_shard(_chain(), mesh=mesh, offload_policy=CPUOffloadPolicy(pin_memory=False)), "parallel": parallelize_module(_chain(), mesh, ways),
        "from meta": fully_shard(ghosts[0], mesh=mesh), "parallel from meta": parallelize_module(ghosts[1], mesh, ways), "planned as shards": fully_shard(_chain(), mesh=mesh),
    }  # fmt: skip
    for name, spread in models.items():
        sg.initialize_(spread, x) if name == "planned as shards" else made.apply_(spread, device="cpu")
    whole = {way: {name: getattr(p, "full_tensor", lambda p=p: p.detach())() for name, p in m.named_parameters()} for way, m in models.items()}
    if rank == 0:
        torch.save({"plan": json.loads(made.to_json()), "weights": whole}, f"{folder}/drawn.pt")
    dist.barrier()  # who leaves first takes the others' connections away
    dist.destroy_process_group()


@pytest.mark.distributed
@pytest.mark.parametrize("world", [2, 4])
def test_shards_are_those_of_one_process(tmp_path, world: int) -> None:
    torch.multiprocessing.spawn(_sharded, args=(world, 29730 + world, str(tmp_path)), nprocs=world)
    found = torch.load(tmp_path / "drawn.pt", weights_only=True)["weights"]
    torch.manual_seed(0)
    model = _chain()
    sg.initialize_(model, torch.randn(8, 16))
    assert len(found) == 6
    for way, weights in found.items():
        for name, parameter in model.named_parameters():
            assert torch.equal(weights[name], parameter), (way, name)
