"""Defects that users reported in the statistics of other batch norms, and that ours must not have.

Each test names the defect and where it was reported. Where the other implementation is torch itself, the defect is shown
beside ours, so that a test whose defect is gone from torch says so.
"""

import copy
import io

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, update_bn

from steadygrad import normalization as N

GONE = "the defect this guards against is gone from torch"


def drawn(*shape: int, seed: int = 0, scale: float = 2.0, shift: float = 1.0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale + shift


def population(parts: list[torch.Tensor], correction: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    whole = torch.cat([p.transpose(0, 1).flatten(1) for p in parts], 1)
    return whole.mean(1), whole.var(1, correction=correction)


def test_statistics_are_in_the_state_dict() -> None:
    """d2l's layer keeps them as plain attributes: saved models come back with none (d2l-en, chapter batch-norm)."""
    layer = N.BatchNorm(3)
    layer(drawn(8, 3).float())
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    fresh = N.BatchNorm(3)
    fresh.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(fresh.running_var, layer.running_var) and not torch.equal(fresh.running_var, torch.ones(3))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("gradients", [True, False])
def test_mode_does_not_depend_on_gradients(training: bool, gradients: bool) -> None:
    """d2l's torch code asks torch.is_grad_enabled() whether it trains (d2l-en, chapter batch-norm)."""
    layer, x = N.BatchNorm(3).double().train(training), drawn(8, 3)
    with torch.set_grad_enabled(gradients):
        y = layer(x)
    assert bool(y.mean(0).abs().max() < 1e-12) == training and int(layer.num_batches_tracked) == training


@pytest.mark.parametrize("kept", ["biased", "unbiased"])
def test_the_kept_variance_is_said(kept: str) -> None:
    """torch normalizes by one variance and keeps the other, undocumented for years (pytorch#19902, #3122, #60528, #77427)."""
    layer, x = N.BatchNorm(3, momentum=1.0, variance=kept).double(), drawn(5, 3)
    layer(x)
    torch.testing.assert_close(layer.running_var, x.var(0, correction=int(kept == "unbiased")), rtol=1e-13, atol=0)
    assert ("variance='biased'" in repr(layer)) == (kept == "biased")


def test_momentum_of_a_ported_checkpoint() -> None:
    """Keras's 0.99 taken for torch's momentum forgets all but the last batch (EfficientNet-PyTorch#3, transformers PR 19454)."""
    layer = N.BatchNorm(3, momentum=0.99, momentum_of="old").double()
    x = drawn(16, 3)
    layer(x)
    torch.testing.assert_close(layer.running_mean, 0.01 * x.mean(0), rtol=1e-12, atol=0)


def test_one_nonfinite_batch_under_a_loss_scaler() -> None:
    """GradScaler skips the step, but the statistics are NaN for ever (pytorch#88474, #115500, #96798)."""
    found = []
    for norm in (N.BatchNorm(4), nn.BatchNorm1d(4)):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(3, 4), norm, nn.Linear(4, 1))
        optimizer, scaler = torch.optim.SGD(net.parameters(), 0.1), torch.amp.GradScaler("cpu")
        for step in range(4):
            x = torch.randn(8, 3) * (float("inf") if step == 2 else 1.0)
            optimizer.zero_grad()
            scaler.scale(net(x).square().mean()).backward()
            scaler.step(optimizer)
            scaler.update()
        assert all(p.isfinite().all() for p in net.parameters()), "the scaler skipped"
        found.append(bool(net.eval()(torch.randn(2, 3)).isfinite().all()))
    assert found[0]
    assert not found[1], GONE


def test_statistics_beyond_half_range() -> None:
    """A variance above 65504 in float16 is infinite, the output silently zero (coreai-torch PR 54)."""
    x = torch.tensor([[400.0], [-400.0]]).half()
    outputs = []
    for norm in (N.BatchNorm(1), nn.BatchNorm1d(1)):
        norm.running_var.fill_(1.6e5)
        outputs.append(norm.half().eval()(x).float())
    torch.testing.assert_close(outputs[0], torch.tensor([[1.0], [-1.0]]), rtol=2**-10, atol=0)
    assert not outputs[1].any(), GONE


def test_micro_batches_pool_their_statistics() -> None:
    """Under gradient accumulation statistics are per micro-batch (GradientAccumulator#6, #47, yolov5#1630, keras#16633)."""
    x = drawn(12, 3) + torch.linspace(0, 9, 12).double()[:, None]  # micro-batches differ in their means
    large, ours, theirs = N.BatchNorm(3).double(), N.BatchNorm(3, accumulate=3).double(), nn.BatchNorm1d(3).double()
    large(x)
    for part in x.split(4):
        ours(part), theirs(part)
    torch.testing.assert_close(ours.running_var, large.running_var, rtol=1e-12, atol=0)
    assert (theirs.running_var - large.running_var).abs().min() > 0.1, GONE


def test_two_forwards_before_one_backward() -> None:
    """"modified by an inplace operation", or silently the later statistics' gradient (pytorch#110363, #66073)."""
    layer, x = N.BatchNorm(3).double(), drawn(6, 3).requires_grad_()
    evaluated = layer.eval()(x)
    trained = layer.train()(x)
    layer(x + 1)
    (grad,) = torch.autograd.grad(evaluated.sum() + trained.pow(3).sum(), x)
    reference = N.BatchNorm(3).double()
    (first,) = torch.autograd.grad(reference.eval()(x).sum(), x)
    (second,) = torch.autograd.grad(reference.train()(x).pow(3).sum(), x)
    torch.testing.assert_close(grad, first + second, rtol=1e-12, atol=1e-12)


def test_population_statistics_do_not_run_dropout_nor_unfreeze() -> None:
    """update_bn puts the whole model in train mode: dropout draws, frozen norms move (torch.optim.swa_utils)."""
    net = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(3), nn.BatchNorm1d(3)).double()
    N.freeze(net, only=["2"])
    x = drawn(400, 3)
    theirs = copy.deepcopy(net)
    N.unfreeze(theirs)
    theirs[2].eval()
    update_bn([x], theirs)
    N.calibrate(net, [x])
    torch.testing.assert_close(net[1].running_var, x.var(0), rtol=1e-12, atol=0)
    assert torch.equal(net[2].running_mean, torch.zeros(3, dtype=torch.float64))
    assert (theirs[1].running_var - x.var(0)).abs().min() > 0.1, GONE
    assert theirs[2].running_mean.any() or int(theirs[2].num_batches_tracked), GONE


def test_batches_weigh_by_their_size_and_their_means_vary() -> None:
    """update_bn averages batches as equals and drops the variance between their means (torch.optim.swa_utils)."""
    parts = [drawn(30, 2), drawn(2, 2, seed=1, shift=9.0)]
    ours, theirs = nn.Sequential(nn.BatchNorm1d(2)).double(), nn.Sequential(nn.BatchNorm1d(2)).double()
    N.calibrate(ours, parts)
    update_bn(parts, theirs)
    mean, var = population(parts)
    torch.testing.assert_close(ours[0].running_mean, mean, rtol=1e-12, atol=0)
    torch.testing.assert_close(ours[0].running_var, var, rtol=1e-12, atol=0)
    assert (theirs[0].running_mean - mean).abs().min() > 1 and (theirs[0].running_var - var).abs().min() > 0.5, GONE


def test_inputs_may_be_dicts_and_loaders_short() -> None:
    """update_bn takes tensors or the first of a tuple; fvcore asserts that the loader is long enough (fvcore precise_bn.py)."""

    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(2)

        def forward(self, *, image: torch.Tensor) -> torch.Tensor:
            return self.norm(image)

    net, x = Named().double(), drawn(5, 2)
    assert N.calibrate(net, iter([{"image": x}])) == {"norm": 5}
    torch.testing.assert_close(net.norm.running_mean, x.mean(0), rtol=1e-12, atol=0)
    with pytest.raises((AttributeError, TypeError)):
        update_bn([{"image": x}], net)


def test_reused_norm_and_large_means() -> None:
    """fvcore asserts on a norm used twice, and E[x²] − E[x]² in float32 cancels for |mean| ≫ σ (fvcore precise_bn.py)."""
    norm = nn.BatchNorm1d(2, affine=False)
    x = torch.randn(512, 2, generator=torch.Generator().manual_seed(0)) + 3e4
    by_difference = x.square().mean(0) - x.mean(0).square()
    assert (by_difference - 1).abs().max() > 1, "float32 got longer"
    N.calibrate(nn.Sequential(norm), list(x.split(64)))
    torch.testing.assert_close(norm.running_var, x.double().var(0).float(), rtol=1e-6, atol=0)
    twice = nn.Sequential(norm, nn.ReLU(), norm)
    assert N.calibrate(twice, [x]) == {"0": 1024}


def test_averaged_weights_get_statistics_of_their_own() -> None:
    """An EMA or SWA model carries the statistics of other weights (pytorch#84053, ignite#2590, timm#106, ema-pytorch#29)."""
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).double()
    average = AveragedModel(net)
    x = drawn(32, 3)
    for _ in range(4):
        with torch.no_grad():
            net[0].weight.add_(1.0)
        net(x)
        average.update_parameters(net)
    N.calibrate(average, [x[:20], x[20:]], method="sequential")
    y = average.eval()(x)
    assert y.mean(0).abs().max() < 1e-12
    torch.testing.assert_close(y.var(0), torch.ones(4).double(), rtol=1e-4, atol=0)


def test_frozen_stays_frozen() -> None:
    """model.train() undoes norm.eval() (pytorch#86590, #66073, #10856; ultralytics PR 8753; maskrcnn-benchmark#267)."""
    ours, theirs = (nn.Sequential(nn.BatchNorm1d(3)).double() for _ in range(2))
    N.freeze(ours)
    theirs[0].eval()
    for net in (ours, theirs):
        net.train()(drawn(8, 3))
    assert not ours[0].running_mean.any()
    assert theirs[0].running_mean.any(), GONE
