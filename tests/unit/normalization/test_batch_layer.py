"""The bookkeeping of BatchNorm, and that it has none of the defects known of other layers."""

import copy

import pytest
import torch
from torch import nn

from steadygrad.errors import InputError
from steadygrad.normalization.layers import BatchNorm, LazyBatchNorm, LazyGhostBatchNorm

TORCH = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}
SHAPES = [(6, 3), (6, 3, 5), (4, 3, 5, 2), (3, 3, 2, 4, 2)]


def drawn(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3 + 2


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("momentum", [0.1, None])
def test_steps_in_time_with_torch(shape: tuple[int, ...], momentum: float | None) -> None:
    ours, theirs = BatchNorm(3, momentum=momentum).double(), TORCH[len(shape)](3, momentum=momentum).double()
    assert set(ours.state_dict()) == set(theirs.state_dict())
    for step in range(5):
        x, z = drawn(shape, step).requires_grad_(), drawn(shape, step).requires_grad_()
        y, expected = ours(x), theirs(z)
        y.square().sum().backward()
        expected.square().sum().backward()
        torch.testing.assert_close(y, expected, rtol=1e-13, atol=1e-13)
        torch.testing.assert_close(x.grad, z.grad, rtol=1e-10, atol=1e-11)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, rtol=1e-13, atol=0)
    ours.eval(), theirs.eval()
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-13, atol=1e-13)
    for a, b in ((ours, theirs), (theirs, ours)):  # both ways
        copy.deepcopy(b).load_state_dict(a.state_dict())


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_nonfinite_batch_never_poisons_the_statistics(bad: float) -> None:
    """torch's layer keeps NaN for ever after one such batch, though GradScaler skipped the step (pytorch#88474, #115500)."""
    ours, theirs = BatchNorm(3), nn.BatchNorm1d(3)
    for layer in (ours, theirs):
        layer(drawn((8, 3)).float())
    before = copy.deepcopy(ours.state_dict())
    x = drawn((8, 3)).float()
    x[2, 1] = bad
    ours(x), theirs(x)
    assert not theirs.running_mean.isfinite().all(), "the defect this guards against is gone from torch"
    assert all(torch.equal(before[name], value) for name, value in ours.state_dict().items())
    ours(drawn((8, 3), 1).float())
    assert int(ours.num_batches_tracked) == 2 and ours.running_var.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_processors_road_and_the_other_devices_agree(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eager on a processor torch's kernel moves the statistics; elsewhere, and compiled, tensors do without a look at a number."""
    roads = {}
    for compiling in (False, True):
        layer = BatchNorm(3).to(dtype)
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda compiling=compiling: compiling)
        for step in range(6):
            x = drawn((8, 3), step).to(dtype).requires_grad_()
            with torch.no_grad():
                x[2, 1] = {2: torch.nan, 4: torch.inf}.get(step, 1.0)
            y = layer(x * 1e15 if step == 3 else x)  # mean times variance is beyond float32, each for itself is not
            layer(drawn((8, 3), 9).to(dtype))
            y.sum().backward()  # another forward has moved the statistics, or put them back
        roads[compiling] = layer.state_dict()
    assert int(roads[True]["num_batches_tracked"]) == int(roads[False]["num_batches_tracked"]) == 10
    for name, value in roads[True].items():
        torch.testing.assert_close(roads[False][name], value, rtol=20 * torch.finfo(dtype).eps, atol=0)


def test_overflow_of_the_variance_is_not_learned() -> None:
    layer = BatchNorm(2)
    layer(torch.tensor([[1e30, 1.0], [-1e30, 2.0], [0.0, 3.0]]))
    assert torch.equal(layer.running_var, torch.ones(2))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_keeps_statistics_wide(dtype: torch.dtype) -> None:
    """torch's .half() takes running_var along: 65504 is its bound, beyond which eval outputs are silently zero."""
    layer, theirs = BatchNorm(2), nn.BatchNorm1d(2)
    for norm in (layer, theirs):
        norm.running_var.fill_(1e6)
    layer, theirs = layer.to(dtype).eval(), theirs.to(dtype).eval()
    x = torch.tensor([[1000.0, -2000.0]]).to(dtype)
    assert layer.running_var.dtype == torch.float32 and layer.weight.dtype == torch.float32
    torch.testing.assert_close(layer(x).float(), torch.tensor([[1.0, -2.0]]), rtol=2**-7, atol=0)
    if dtype == torch.float16:
        assert not theirs(x).any(), "the defect this guards against is gone from torch"
    y = layer.train()(torch.randn(8, 2, dtype=dtype))
    assert y.dtype == dtype
    assert layer.double().running_var.dtype == torch.float64


@pytest.mark.parametrize("sizes", [[4, 4, 4], [2, 7, 3]])
def test_accumulated_statistics_are_those_of_the_large_batch(sizes: list[int]) -> None:
    """No layer of other libraries pools over micro-batches (yolov5#1630, keras#16633, GradientAccumulator#6)."""
    large, small = BatchNorm(3).double(), BatchNorm(3, accumulate=3).double()
    for step in range(4):
        x = drawn((12, 3, 2), step)
        large(x)
        before = small.running_mean.clone()
        for i, part in enumerate(x.split(sizes)):
            small(part)
            if i < 2:
                assert torch.equal(small.running_mean, before)
    for name, value in large.state_dict().items():
        torch.testing.assert_close(small.state_dict()[name], value, rtol=1e-13, atol=1e-14)


def test_accumulation_leaves_out_a_nonfinite_micro_batch() -> None:
    layer, plain = BatchNorm(3, accumulate=2).double(), BatchNorm(3).double()
    x = drawn((4, 3))
    layer(torch.full_like(x, torch.nan)), layer(x), plain(x)
    torch.testing.assert_close(layer.running_var, plain.running_var, rtol=1e-13, atol=0)
    for _ in range(2):
        layer(torch.full_like(x, torch.inf))
    torch.testing.assert_close(layer.running_var, plain.running_var, rtol=1e-13, atol=0)
    assert int(layer.num_batches_tracked) == 1


def test_backward_after_another_forward_moved_the_statistics() -> None:
    """dy/dx = γ/√(σ² + eps) of the σ² that y was made with; torch's CPU kernel takes whatever running_var holds by then."""
    x = drawn((4, 3))
    grads = []
    for layer in (BatchNorm(3, momentum=1.0).double(), nn.BatchNorm1d(3, momentum=1.0).double()):
        z = x.clone().requires_grad_()
        y = layer.eval()(z)
        layer.train()(x)
        grads.append(torch.autograd.grad(y.sum(), z)[0])
    expected = torch.full_like(x, (1 + 1e-5) ** -0.5)
    torch.testing.assert_close(grads[0], expected, rtol=1e-14, atol=0)
    assert (grads[1] - expected).abs().max() > 0.1, "the defect this guards against is gone from torch"


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("settings", [{}, {"variance": "biased"}, {"accumulate": 2}])
def test_backward_after_statistics_were_overwritten(training: bool, settings: dict) -> None:
    """DDP broadcasts buffers before a second forward, in place: torch's layer then refuses the first one's backward (pytorch#110363)."""
    for layer in (BatchNorm(3, **settings), nn.BatchNorm1d(3)):
        x = drawn((8, 3)).float().requires_grad_()
        y = layer.train(training)(x)
        with torch.no_grad():
            layer.running_mean.copy_(torch.ones(3)), layer.running_var.mul_(4.0)
        if isinstance(layer, BatchNorm):
            y.pow(2).sum().backward()
            assert x.grad is not None and x.grad.isfinite().all()
        elif training:
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):  # gone from torch, if this does not raise
                y.pow(2).sum().backward()


def test_flags() -> None:
    x = drawn((6, 3)).float()
    assert BatchNorm(3, center=False).bias is None and BatchNorm(3, center=False).weight is not None
    assert BatchNorm(3, scale=False).weight is None and BatchNorm(3, scale=False).bias is not None
    assert not list(BatchNorm(3, affine=False).parameters())
    fixed = BatchNorm(3, use_global_stats=True).train()
    fixed.running_mean.fill_(1.0)
    torch.testing.assert_close(fixed(x), (x - 1) / (1 + 1e-5) ** 0.5, rtol=1e-6, atol=1e-6)
    assert int(fixed.num_batches_tracked) == 0 and torch.equal(fixed.running_mean, torch.ones(3))
    untracked = BatchNorm(3, track_running_stats=False).eval()
    assert untracked(x).mean().abs() < 1e-6 and not list(untracked.buffers())
    old = BatchNorm(3, momentum=0.9, momentum_of="old", variance="biased")
    assert old.momentum == pytest.approx(0.1)
    old(x)
    torch.testing.assert_close(old.running_var, 0.9 + 0.1 * x.var(0, correction=0))
    assert "variance='biased'" in repr(old) and "accumulate" not in repr(old)


@pytest.mark.parametrize("normalize", ["mean", "variance"])
def test_partial_normalization_learns_and_predicts(normalize: str) -> None:
    layer = BatchNorm(3, normalize=normalize, momentum=1.0, variance="biased").double()
    x = drawn((6, 3, 2))
    torch.testing.assert_close(layer.train()(x), layer.eval()(x), rtol=1e-12, atol=1e-12)


def test_lazy_shapes() -> None:
    layer = LazyBatchNorm(momentum=0.2, center=False, accumulate=2)
    assert layer.weight.__class__.__name__ == "UninitializedParameter"
    y = layer(torch.randn(4, 7, 3))
    assert type(layer) is BatchNorm and layer.num_features == 7 and y.shape == (4, 7, 3)
    assert layer.bias is None and layer.accumulate == 2 and layer.momentum == 0.2
    with pytest.raises(InputError, match="2 to 5 axes"):
        LazyBatchNorm()(torch.randn(4))
    ghost = LazyGhostBatchNorm(virtual_batch=2)
    ghost(torch.randn(4, 5))
    assert type(ghost).__name__ == "GhostBatchNorm" and ghost.running_mean.shape == (5,)
    fresh = LazyBatchNorm()
    fresh.load_state_dict(BatchNorm(6).state_dict())
    assert fresh.running_mean.shape == (6,)


def test_batch_of_two_and_of_one() -> None:
    """With two samples all magnitude is lost: outputs are ±1 (up to eps); with one an error says what to do."""
    y = BatchNorm(4).double()(drawn((2, 4)) * 1000)
    torch.testing.assert_close(y.abs(), torch.ones_like(y), rtol=0, atol=1e-8)
    with pytest.raises(InputError, match=r"BatchNorm\(4\): needs more than 1 value per statistic, got 1 .*drop_last"):
        BatchNorm(4)(torch.randn(1, 4))
    with pytest.raises(InputError, match="got 1"):
        BatchNorm(4)(torch.randn(1, 4, 1, 1))
    assert BatchNorm(4)(torch.randn(1, 4, 7, 7)).shape == (1, 4, 7, 7)
    assert BatchNorm(4).eval()(torch.randn(1, 4)).shape == (1, 4)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: BatchNorm(3, eps=0), "`eps` must be a finite number > 0, got 0"),
        (lambda: BatchNorm(3, momentum=-0.1), r"`momentum` must lie in \[0, 1\].* got -0.1"),
        (lambda: BatchNorm(3, accumulate=0), "`accumulate` must be a whole number ≥ 1, got 0"),
        (lambda: BatchNorm(3, variance="n"), "`variance` must be one of .*got 'n'"),
        (lambda: BatchNorm(3)(torch.ones(2, 4)), r"BatchNorm\(3\): axis 1 .*3 channels, got shape \(2, 4\)"),
        (lambda: BatchNorm(3)(torch.ones(2, 3).int()), "floating tensor, got torch.int32"),
    ],
)
def test_errors(build, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build()


@pytest.mark.slow
def test_compiles_and_exports() -> None:
    layer, twin = BatchNorm(3), BatchNorm(3)
    x = torch.randn(8, 3, 4, 4)
    compiled = torch.compile(layer, fullgraph=True)
    torch.testing.assert_close(compiled(x), twin(x), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(layer.running_var, twin.running_var)
    exported = torch.export.export(twin.eval(), (x,))
    torch.testing.assert_close(exported.module()(x), twin(x))
