"""Population statistics against two passes written out, and freezing that lasts."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from steadygrad.errors import InputError, ModelError
from steadygrad.normalization import BatchNorm
from steadygrad.normalization.tools.calibrate import calibrate
from steadygrad.normalization.tools.freeze import freeze, is_frozen, unfreeze


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout(0.5), nn.Conv2d(3, 4, 2), BatchNorm(4, variance="biased"), nn.ReLU(), nn.Flatten(),
        nn.Linear(16, 5), nn.BatchNorm1d(5),
    ).double()  # fmt: skip


def data(n: int = 24) -> torch.Tensor:
    return torch.randn(n, 2, 5, 5, generator=torch.Generator().manual_seed(7), dtype=torch.float64) * 2 + 1


def population(net: nn.Sequential, x: torch.Tensor) -> list[tuple[np.ndarray, np.ndarray]]:
    """By the whole data set at once, layer after layer, in NumPy's words: mean, and Σ(x − mean)²/n."""
    found = []
    for module in net:
        if hasattr(module, "running_mean"):
            axes = (0, *range(2, x.ndim))
            mean, var = x.mean(axes), x.var(axes, correction=0)
            found.append((mean.detach().numpy(), var.detach().numpy(), x.numel() // x.shape[1]))
            shape = (1, -1, *(1,) * (x.ndim - 2))
            kept = var if getattr(module, "variance", "") == "biased" else var * found[-1][2] / (found[-1][2] - 1)
            x = (x - mean.view(shape)) / (kept.view(shape) + module.eps).sqrt()
        else:
            x = module.eval()(x)
    return found


def check_population(net: nn.Sequential, expected: list) -> None:
    for module, (mean, var, n) in zip([m for m in net if hasattr(m, "running_mean")], expected, strict=True):
        np.testing.assert_allclose(module.running_mean, mean, rtol=1e-12, atol=1e-13)
        factor = 1 if getattr(module, "variance", "") == "biased" else n / (n - 1)
        np.testing.assert_allclose(module.running_var, var * factor, rtol=1e-12)


@pytest.mark.parametrize("sizes", [[24], [12, 12], [1, 2, 3, 18], [1] * 24, [7, 7, 10]])
def test_sequential_is_the_population_for_any_batching(sizes: list[int]) -> None:
    net, x = network(), data()
    expected = population(copy.deepcopy(net), x)
    counts = calibrate(net, list(x.split(sizes)), method="sequential")
    check_population(net, expected)
    assert counts == {"1": 24 * 9, "5": 24 * 4, "9": 24}


class Branches(nn.Module):
    """Six norms side by side, one behind their sum, and one more beside that: depth two of eight norms."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.norms = nn.ModuleList(nn.Linear(3, 4) for _ in range(6)), nn.ModuleList(nn.BatchNorm1d(4) for _ in range(6))
        self.last, self.aside = nn.BatchNorm1d(4), nn.BatchNorm1d(3)

    def forward(self, x):
        y = sum(norm(linear(x)).relu() for linear, norm in zip(self.linear, self.norms, strict=True))
        return self.last(y).sum(1) + self.aside(x).sum(1)


def test_sequential_passes_once_per_depth_and_once_to_see_that_nothing_moves() -> None:
    torch.manual_seed(0)
    net, x, seen_batches = Branches().double(), torch.randn(40, 3, dtype=torch.float64) * 3 - 2, []
    counts = calibrate(net, list(x.split([10, 10, 20])), method="sequential", inputs=lambda batch: seen_batches.append(len(batch)) or batch)
    assert seen_batches == [10, 10, 20] * 3 and set(counts.values()) == {40} and len(counts) == 8
    one_by_one = [net.aside, *net.norms, net.last]
    inputs = dict(zip(one_by_one, [x, *(linear(x) for linear in net.linear), None], strict=True))
    inputs[net.last] = sum(norm.eval()(linear(x)).relu() for linear, norm in zip(net.linear, net.norms, strict=True))
    for norm, seen in inputs.items():
        torch.testing.assert_close(norm.running_mean, seen.mean(0), rtol=1e-12, atol=1e-13)
        torch.testing.assert_close(norm.running_var, seen.var(0), rtol=1e-12, atol=1e-13)
    seen_batches.clear()
    calibrate(network(), [data()], method="sequential", inputs=lambda batch: seen_batches.append(len(batch)) or batch)
    assert seen_batches == [24] * 3, "a chain of three needs no pass to see that nothing moves"


def test_one_pass_pools_exactly_in_any_order_of_unequal_batches() -> None:
    """update_bn and others average per-batch variances: no weight for sizes, no variance between batches."""
    net, parts = network(), list(data().split([3, 13, 8]))
    inputs: dict[int, list] = {1: [], 5: [], 9: []}
    reference = copy.deepcopy(net)
    for part in parts:
        y = part
        for i, module in enumerate(reference):
            if i in inputs:
                inputs[i].append(y.transpose(0, 1).reshape(y.shape[1], -1).detach())
            y = module.eval()(y) if isinstance(module, nn.Dropout) else module.train()(y)
    first, second = copy.deepcopy(net), copy.deepcopy(net)
    calibrate(first, parts)
    calibrate(second, parts[::-1])
    for i, values in inputs.items():
        whole = torch.cat(values, 1)
        np.testing.assert_allclose(first[i].running_mean, whole.mean(1), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(first[i].running_var, whole.var(1, correction=int(i != 5)), rtol=1e-12)
        np.testing.assert_allclose(second[i].running_var, first[i].running_var, rtol=1e-13)
    theirs = copy.deepcopy(net)
    torch.optim.swa_utils.update_bn(parts, theirs)
    assert (theirs[1].running_var - first[1].running_var).abs().max() > 1e-3, "the defect this guards against is gone from torch"


def test_float32_far_from_zero_keeps_its_digits() -> None:
    """fvcore takes E[x²] − E[x]² in float32: with mean 1e4 and σ 1 nothing is left."""
    x = torch.randn(4000, 2, generator=torch.Generator().manual_seed(0)) + 1e4
    net = nn.Sequential(nn.BatchNorm1d(2))
    calibrate(net, list(x.split(100)))
    torch.testing.assert_close(net[0].running_var, x.double().var(0).float(), rtol=1e-6, atol=0)


def test_nothing_else_is_disturbed() -> None:
    """Modes, weights, RNG, gradients; dropout draws nothing; frozen layers keep theirs."""
    net, x = network().train(), data()
    net[4].eval()
    freeze(net, only=["5"])
    net(x).sum().backward()
    state, grads, modes = copy.deepcopy(net.state_dict()), [p.grad.clone() for p in net.parameters() if p.grad is not None], [m.training for m in net]
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    counts = calibrate(net, [x])
    assert torch.equal(torch.rand(3), expected) and set(counts) == {"1", "9"}
    assert modes == [m.training for m in net]
    changed = {name for name, value in net.state_dict().items() if not torch.equal(value, state[name])}
    assert changed == {"1.running_mean", "1.running_var", "9.running_mean", "9.running_var"}
    assert all(torch.equal(p.grad, g) for p, g in zip([p for p in net.parameters() if p.grad is not None], grads, strict=True))


class Twice(nn.Module):
    """One batch norm used twice, which fvcore's tool refuses."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2)

    def forward(self, a, b):
        return self.norm(a) + self.norm(b)


def test_a_norm_used_twice_pools_both_uses_and_inputs_may_be_tuples_or_dicts() -> None:
    net, a, b = Twice().double(), torch.randn(6, 2).double(), torch.randn(6, 2).double() + 5
    calibrate(net, [(a, b)])
    torch.testing.assert_close(net.norm.running_var, torch.cat([a, b]).var(0), rtol=1e-12, atol=0)
    calibrate(net, [{"a": a, "b": a}])
    torch.testing.assert_close(net.norm.running_mean, a.mean(0), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("method", ["one_pass", "sequential"])
def test_a_loader_of_pairs(method: str) -> None:
    first, second, x = network(), network(), data()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, torch.zeros(len(x)).long()), batch_size=8)
    with pytest.raises(InputError, match=r"calibrate: the forward raised TypeError on a batch that is a list of 2: .*pairs say inputs=lambda batch: batch\[0\]"):
        calibrate(first, loader, method=method)
    calibrate(first, loader, method=method, inputs=lambda batch: batch[0])
    calibrate(second, list(x.split(8)), method=method)
    assert all(torch.equal(v, second.state_dict()[k]) for k, v in first.state_dict().items())


def test_errors_leave_the_model_as_it_was() -> None:
    net, x = network(), data()
    state = copy.deepcopy(net.state_dict())
    with pytest.raises(InputError, match="`method` must be 'one_pass' or 'sequential', got 'ema'"):
        calibrate(net, [x], method="ema")
    with pytest.raises(InputError, match="several times, got a generator; pass list"):
        calibrate(net, (b for b in [x]), method="sequential")
    with pytest.raises(InputError, match="needs at least one batch, got 0"):
        calibrate(net, [])
    with pytest.raises(ModelError, match=r"input of `1` is not finite \(shape \(24, 3, 3, 3\)\)"):
        calibrate(net, [x, x * float("nan")])
    with pytest.raises(RuntimeError):
        calibrate(net, [x, x[:, :1]], method="sequential")
    with pytest.raises(ModelError, match="no batch norm with running statistics, got modules Linear"):
        calibrate(nn.Linear(2, 2), [x])
    with pytest.raises(ModelError, match="all 3 batch norms are frozen"):
        calibrate(freeze(net) and net, [x])
    unfreeze(net)
    idle = nn.Sequential(nn.Identity())
    idle.extra = nn.BatchNorm1d(2)
    idle.forward = lambda x: x
    with pytest.raises(ModelError, match="none of the 1 batch norms was reached .*'extra'"):
        calibrate(idle, [x])
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert all(m.training for m in net) and not any(m._forward_pre_hooks for m in net)


def _worker(rank: int, world: int, port: int, folder: str, method: str) -> None:
    import os
    from pathlib import Path

    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", rank=rank, world_size=world)
    net = network()
    sizes = [10, 14] if world == 2 else [5, 0, 12, 7]
    mine = data().split(sizes)[rank]
    calibrate(net, list(mine.split(4)) if len(mine) else [], method=method)
    torch.save(net.state_dict(), Path(folder) / f"{rank}.pt")
    torch.distributed.barrier()  # who leaves first takes the others' connections away
    torch.distributed.destroy_process_group()


@pytest.mark.distributed
@pytest.mark.parametrize("world", [2, 4])
def test_processes_agree_on_the_population(world: int, tmp_path) -> None:
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    torch.multiprocessing.start_processes(_worker, args=(world, port, str(tmp_path), "sequential"), nprocs=world, start_method="fork")
    expected = population(network(), data())
    for rank in range(world):
        net = network()
        net.load_state_dict(torch.load(tmp_path / f"{rank}.pt", weights_only=True))
        check_population(net, expected)


@pytest.mark.parametrize("affine", [True, False])
def test_frozen_survives_train_copy_and_state(affine: bool) -> None:
    """torch's eval() of a layer is undone by the next model.train() (pytorch#86590)."""
    net, x = network(), data()
    assert freeze(net, affine=affine) == ["1", "5", "9"]
    freeze(net)  # again is no harm
    before = copy.deepcopy({k: v for k, v in net.state_dict().items() if "running" in k})
    for model in (net, copy.deepcopy(net)):
        model.train()
        assert model.training and not model[1].training and is_frozen(model[1]) and isinstance(model[1], nn.BatchNorm2d)
        model(x)
        assert all(torch.equal(model.state_dict()[k], v) for k, v in before.items())
        assert model[1].weight.requires_grad != affine and model[0].weight.requires_grad
    assert unfreeze(net) == ["1", "5", "9"] and type(net[1]) is nn.BatchNorm2d and type(net[5]) is BatchNorm
    assert net[1].training and net[1].weight.requires_grad and not hasattr(net[1], "was_training")
    assert unfreeze(net) == []


def test_freeze_some_and_errors() -> None:
    net = network()
    assert freeze(net, only=["5"]) == ["5"] and not is_frozen(net[1])
    with pytest.raises(InputError, match=r"`0` is no batch norm, got \['0'\]; there are '1', '5', '9'"):
        freeze(net, only=["0"])
    with pytest.raises(ModelError, match="freeze: the model has no batch norm"):
        freeze(nn.Linear(2, 2))
