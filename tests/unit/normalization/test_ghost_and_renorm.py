"""Ghost batches, batch renormalization and synchronized statistics."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from steadygrad.errors import InputError
from steadygrad.normalization.layers import BatchNorm, BatchRenorm, GhostBatchNorm, SyncBatchNorm


def drawn(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3 + 2


def test_ghosts_are_batch_norm_of_each_part() -> None:
    x = drawn((10, 3, 2))
    layer, plain = GhostBatchNorm(3, virtual_batch=4).double(), BatchNorm(3).double()
    expected = torch.cat([F.batch_norm(part, None, None, training=True) for part in (x[:4], x[4:7], x[7:])])
    torch.testing.assert_close(layer(x), expected, rtol=1e-13, atol=1e-13)
    plain(x)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(layer.state_dict()[name], value, rtol=1e-13, atol=1e-14)
    layer.eval(), plain.eval()
    torch.testing.assert_close(layer(x), plain(x), rtol=1e-13, atol=1e-13)


def test_ghost_errors_and_sizes() -> None:
    layer = GhostBatchNorm(3, virtual_batch=32)
    assert torch.equal(layer(torch.ones(5, 3)), torch.zeros(5, 3))
    with pytest.raises(InputError, match=r"virtual_batch=1\): needs more than 1 value .*raise virtual_batch"):
        GhostBatchNorm(3, virtual_batch=1)(torch.randn(4, 3))
    with pytest.raises(InputError, match="`virtual_batch` must be a whole number ≥ 1, got 0"):
        GhostBatchNorm(3, virtual_batch=0)
    with pytest.raises(InputError, match="must be 'both', got 'mean'"):
        GhostBatchNorm(3, normalize="mean")
    assert "virtual_batch=32" in repr(layer)


def opened(steps: int, **settings) -> BatchRenorm:
    layer = BatchRenorm(3, momentum=0.1, **settings).double()
    for step in range(steps):
        layer(drawn((6, 3), step))
    return layer


def test_renorm_starts_as_batch_norm_and_ends_as_eval_mode() -> None:
    x = drawn((6, 3), 99)
    fresh = opened(0, warmup=(10, 20))
    torch.testing.assert_close(fresh(x), F.batch_norm(x, None, None, training=True), rtol=1e-12, atol=1e-12)
    late = opened(30, warmup=(10, 20), r_max=100.0, d_max=100.0)
    expected = late.eval()(x)
    torch.testing.assert_close(late.train()(x), expected, rtol=1e-12, atol=1e-12)


def test_renorm_bounds_open_linearly_and_never_beyond() -> None:
    """torchrl's layer let warmup_factor go on to 2, 3, 4: the clamp's result was thrown away."""
    seen = []
    layer = opened(0, warmup=(10, 20))
    for _ in range(5):
        seen.append(float(layer.opened()))
        layer.num_batches_tracked += 10
    assert seen == [0.0, 0.0, 1.0, 1.0, 1.0]
    layer.num_batches_tracked.fill_(15)
    assert float(layer.opened()) == 0.5


def test_renorm_correction_is_clipped_without_gradient_and_before_the_affine() -> None:
    layer = BatchRenorm(1, warmup=(0, 0), r_max=2.0, d_max=1.5).double()
    layer.num_batches_tracked.fill_(1)
    layer.weight.data.fill_(5.0), layer.bias.data.fill_(-1.0)
    x = torch.tensor([[90.0], [110.0]], dtype=torch.float64)  # mean 100, σ 10 against running 0, 1: r = 2, d = 1.5
    y = layer(x)
    torch.testing.assert_close(y, 5 * (torch.tensor([[-1.0], [1.0]]).double() * 2 + 1.5) - 1, rtol=1e-6, atol=0)
    z = drawn((6, 3)).requires_grad_()
    renorm = opened(5, warmup=(0, 0), r_max=1.0)  # r = 1; d constant
    grad = torch.autograd.grad(renorm(z).pow(3).sum(), z)[0]
    from steadygrad.normalization.functional import batch_renorm_correction
    from steadygrad.normalization.functional.batch import standardize

    again = opened(5, warmup=(0, 0), r_max=1.0)
    m, v = z.mean(0), z.var(0, correction=0)
    r, d = batch_renorm_correction(m, v, again.running_mean, again.running_var, 1e-5, 1.0, 5.0)
    assert not r.requires_grad and not d.requires_grad
    expected = torch.autograd.grad((standardize(z, m, v, 1e-5) * r + d).pow(3).sum(), z)[0]
    torch.testing.assert_close(grad, expected, rtol=1e-10, atol=1e-10)


def test_renorm_statistics_of_images_and_nonfinite_batches() -> None:
    """Others take n from x.shape[0] only; the unbiased factor of (2, 3, 2, 2) is 8/7, and torch agrees."""
    ours, theirs = BatchRenorm(3, momentum=0.1).double(), nn.BatchNorm2d(3).double()
    x = drawn((2, 3, 2, 2))
    ours(x), theirs(x)
    torch.testing.assert_close(ours.running_var, theirs.running_var, rtol=1e-13, atol=0)
    assert BatchRenorm(3)(torch.randn(1, 3, 4, 4)).isfinite().all()
    ours(torch.full_like(x, torch.nan))
    torch.testing.assert_close(ours.running_var, theirs.running_var, rtol=1e-13, atol=0)
    assert BatchRenorm(3)(torch.randn(4, 3).bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"r_max": 0.5}, r"needs r_max ≥ 1 and d_max ≥ 0, got r_max=0.5"),
        ({"d_max": float("nan")}, "got r_max=3.0, d_max=nan"),
        ({"warmup": (5, 2)}, r"`warmup` must be \(first, last\).* got \(5, 2\)"),
        ({"track_running_stats": False}, "needs running statistics .*got False"),
    ],
)
def test_renorm_errors(settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        BatchRenorm(3, **settings)


def test_sync_alone_is_batch_norm() -> None:
    layer, plain = SyncBatchNorm(3).double(), BatchNorm(3).double()
    assert torch.equal(layer(drawn((6, 3))), plain(drawn((6, 3))))
    with pytest.raises(InputError, match="must be 'both', got 'mean'"):
        SyncBatchNorm(3, normalize="mean")
    with pytest.raises(InputError, match=r"SyncBatchNorm\(3\): needs more than 1 value"):
        layer(torch.randn(1, 3).double())


def _worker(rank: int, world: int, port: int, folder: str) -> None:
    import os
    from pathlib import Path

    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", rank=rank, world_size=world)
    sizes = [5, 1, 0, 3][:world]
    x = drawn((sum(sizes), 3, 2)).split(sizes)[rank].clone().requires_grad_()
    layer = SyncBatchNorm(3).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, 2.0, 3.0]))
    y = layer(x)
    y.pow(3).sum().backward()
    for p in layer.parameters():
        torch.distributed.all_reduce(p.grad)
    torch.save([y.detach(), x.grad, layer.weight.grad, layer.running_mean, layer.running_var], Path(folder) / f"{rank}.pt")
    torch.distributed.barrier()  # who leaves first takes the others' connections away
    torch.distributed.destroy_process_group()


@pytest.mark.distributed
@pytest.mark.parametrize("world", [2, 4])
def test_sync_over_uneven_processes_is_one_large_batch(world: int, tmp_path) -> None:
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    torch.multiprocessing.start_processes(_worker, args=(world, port, str(tmp_path)), nprocs=world, start_method="fork")
    parts = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(world)]
    sizes = [5, 1, 0, 3][:world]
    x = drawn((sum(sizes), 3, 2)).requires_grad_()
    plain = BatchNorm(3).double()
    with torch.no_grad():
        plain.weight.copy_(torch.tensor([1.0, 2.0, 3.0]))
    y = plain(x)
    y.pow(3).sum().backward()
    close = {"rtol": 1e-11, "atol": 1e-11}
    torch.testing.assert_close(torch.cat([p[0] for p in parts]), y.detach(), **close)
    torch.testing.assert_close(torch.cat([p[1] for p in parts]), x.grad, **close)
    for part in parts:
        for got, expected in zip(part[2:], (plain.weight.grad, plain.running_mean, plain.running_var), strict=True):
            torch.testing.assert_close(got, expected, **close)
