"""Per-sample norms, EvoNorms and standardized weights: parity with torch and timm's formulas, and the known defects."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from steadygrad.errors import InputError
from steadygrad.normalization import functional as N
from steadygrad.normalization import layers as L


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 + 1


@pytest.mark.parametrize(
    ("ours", "theirs", "shape"),
    [
        (L.GroupNorm(2, 6), nn.GroupNorm(2, 6), (3, 6, 4)),
        (L.InstanceNorm(6, affine=True), nn.InstanceNorm2d(6, affine=True), (3, 6, 4, 2)),
        (L.LayerNorm((4, 2)), nn.LayerNorm((4, 2)), (3, 6, 4, 2)),
        (L.RMSNorm(4), nn.RMSNorm(4, eps=1e-5), (3, 6, 4)),
    ],
)
def test_torch_takes_our_state_and_gives_our_numbers(ours: nn.Module, theirs: nn.Module, shape: tuple[int, ...]) -> None:
    ours, theirs = ours.double(), theirs.double()
    with torch.no_grad():
        for p in theirs.parameters():
            p.uniform_(0.5, 2.0)
    ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    x = drawn(*shape)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12)


def test_one_value_per_group_is_an_error_where_torch_gives_silent_zeros() -> None:
    """pytorch#19250: the size check multiplies the batch in."""
    x = torch.randn(2, 4, 1, 1)
    assert nn.GroupNorm(4, 4)(x).abs().max() < 1e-3, "the defect this guards against is gone from torch"
    with pytest.raises(InputError, match=r"group_norm: needs more than 1 value per statistic, got 1 .*fewer groups"):
        L.GroupNorm(4, 4)(x)
    with pytest.raises(InputError, match=r"instance_norm: .* got 1 "):
        L.InstanceNorm(4)(x)
    with pytest.raises(InputError, match="keeps the sign only"):
        L.FilterResponseNorm(4)(x)
    with pytest.raises(InputError, match="layer_norm: .*drop the norm"):
        L.LayerNorm(1)(torch.randn(3, 1))
    with pytest.raises(InputError, match="evo_norm_b0: .*1×1 maps"):
        L.EvoNormB0(4)(x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: L.GroupNorm(4, 6), r"got 4 groups and 6 channels; one of \[1, 2, 3, 6\]"),
        (lambda: N.group_norm(torch.ones(2, 6, 3), 5), "groups must divide the channels, got 5"),
        (lambda: L.EvoNormS0(6, groups=4), "groups must divide the channels, got 4"),
        (lambda: N.layer_norm(torch.ones(2, 6), (5,)), r"last axes must be \(5,\), got shape \(2, 6\); channels-first"),
        (lambda: N.rms_norm(torch.ones(2, 6).int(), (6,)), "rms_norm: .*got torch.int32"),
        (lambda: L.RMSNorm(4, eps=None), "`eps` must be a finite number > 0, got None"),
        (lambda: L.ScaleNorm(4, eps=-1.0), "`eps` .*got -1.0"),
        (lambda: L.DynamicTanh(4, alpha=0.0), "DynamicTanh: `alpha` must be a finite number > 0, got 0.0"),
        (lambda: L.WSConv2d(4, 4, 1, groups=4)(torch.ones(1, 4, 2, 2)), "needs more than 1 value .*fan-in 1"),
        (lambda: L.ScaledWSLinear(1, 4)(torch.ones(2, 1)), "scaled_standardized_weight: .*fan-in 1"),
    ],
)
def test_errors(call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_rms_norm_rounds_once(dtype: torch.dtype) -> None:
    """torch's order is kept apart by transformers#33133; ours is the float64 result, rounded to the input's dtype."""
    x = drawn(64, 32).to(dtype)
    weight = drawn(32, seed=1).to(torch.float32)
    exact = N.rms_norm(x.double(), (32,), weight.double())
    got = N.rms_norm(x, (32,), weight)
    assert got.dtype == dtype
    assert (got.double() - exact).abs().max() <= exact.abs().max() * torch.finfo(dtype).eps  # one rounding is eps/2


def test_layer_norm_forgets_scale_as_long_as_eps_is_small() -> None:
    x = drawn(4, 8) * 100
    torch.testing.assert_close(L.LayerNorm(8).double()(7 * x), L.LayerNorm(8).double()(x), rtol=1e-8, atol=1e-9)
    tiny = 1e-4 * x
    assert (L.LayerNorm(8).double()(7 * tiny) - L.LayerNorm(8).double()(tiny)).abs().max() > 1e-4


def test_scale_norm_at_zero_has_a_finite_gradient() -> None:
    x = torch.zeros(2, 3, requires_grad=True)
    L.ScaleNorm(3)(x).sum().backward()
    assert x.grad.isfinite().all()
    y = L.ScaleNorm(9)(torch.randn(4, 9))
    torch.testing.assert_close(y.norm(dim=1), torch.full((4,), 3.0))


def test_filter_response_learned_eps_enters_by_its_absolute_value() -> None:
    layer = L.FilterResponseNorm(3, eps=0.5, learned_eps=True).double()
    x = drawn(2, 3, 4)
    y = layer(x)
    layer.eps.data.neg_()
    assert torch.equal(layer(x), y)
    assert layer.eps.requires_grad and L.FilterResponseNorm(3, threshold=False).threshold is None


def test_evo_b0_of_a_batch_of_one_learns_a_finite_variance() -> None:
    """timm's running variance takes n/(n − 1) of the batch and divides by zero."""
    layer = L.EvoNormB0(3)
    layer(torch.randn(1, 3, 2, 2))
    assert layer.running_var.isfinite().all() and int(layer.num_batches_tracked) == 1


def test_dynamic_tanh_channels_first_is_the_transpose() -> None:
    last, first = L.DynamicErf(4, 0.7), L.DynamicErf(4, 0.7, channels_first=True)
    first.load_state_dict(last.state_dict())
    x = torch.randn(2, 4, 3, 3)
    torch.testing.assert_close(first(x), last(x.movedim(1, -1)).movedim(-1, 1))


@pytest.mark.parametrize("groups", [1, 2])
def test_standardized_weights(groups: int) -> None:
    """By F.batch_norm over the fan-in, as timm's StdConv2d; and the authors' std + eps with the unbiased std."""
    layer = L.WSConv2d(4, 6, 3, groups=groups).double()
    w = layer.weight.detach()
    by_batch_norm = F.batch_norm(w.reshape(1, 6, -1), None, None, training=True, eps=layer.eps).view_as(w)
    torch.testing.assert_close(layer.kernel(), by_batch_norm, rtol=1e-12, atol=1e-12)
    x = drawn(2, 4, 5, 5)
    torch.testing.assert_close(layer(x), F.conv2d(x, by_batch_norm, layer.bias, groups=groups), rtol=1e-12, atol=1e-12)
    flat = w.flatten(1)
    authors = (flat - flat.mean(1, keepdim=True)) / (flat.std(1, keepdim=True) + 1e-5)
    torch.testing.assert_close(N.standardized_weight(w, outside=True).flatten(1), authors, rtol=1e-12, atol=1e-12)
    assert set(layer.state_dict()) == {"weight", "bias"}
    constant = torch.ones(2, 3, requires_grad=True)
    N.standardized_weight(constant, outside=True).sum().backward()
    assert constant.grad.isfinite().all()


def test_scaled_weights_keep_variance() -> None:
    """Σ_j ŵ² = γ²·g² exactly, so iid unit inputs give variance γ²g²."""
    layer = L.ScaledWSConv2d(8, 5, 3, gamma=1.7).double()
    with torch.no_grad():
        layer.gain.fill_(2.0)
    torch.testing.assert_close(layer.kernel().flatten(1).square().sum(1), torch.full((5,), 3.4**2, dtype=torch.float64), rtol=1e-12, atol=0)
    assert layer.kernel().flatten(1).sum(1).abs().max() < 1e-12
    flat = layer.weight.flatten(1)
    var, fan = flat.var(1, correction=0, keepdim=True), flat.shape[1]
    expected = 3.4 * (flat - flat.mean(1, keepdim=True)) / (var * fan).clamp(min=1e-4).sqrt()
    torch.testing.assert_close(layer.kernel().flatten(1), expected, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(lambda w: N.scaled_standardized_weight(w), drawn(2, 3).requires_grad_())
    assert torch.autograd.gradcheck(lambda w: N.standardized_weight(w, outside=True), drawn(2, 3).requires_grad_())
