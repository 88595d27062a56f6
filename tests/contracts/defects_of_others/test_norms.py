"""Defects that users reported in other norms, whitenings and foldings, and that ours must not have.

Each test names the defect and where it was reported. Where the other implementation is torch itself, the defect is shown
beside ours, so that a test whose defect is gone from torch says so.
"""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from steadygrad import normalization as N
from steadygrad.errors import InputError

GONE = "the defect this guards against is gone from torch"


def drawn(*shape: int, seed: int = 0, scale: float = 2.0, shift: float = 1.0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale + shift


def fitted(*layers: nn.Module) -> nn.Sequential:
    net = nn.Sequential(*layers).double()
    for seed in range(3):
        net(drawn(6, 4, 6, 6, seed=seed))
    return net.eval()


def test_grouped_transposed_convolutions_fold() -> None:
    """torch.nn.utils.fusion raises for groups; ultralytics scaled the wrong axis, error 2.71 (ultralytics PR 25364, pytorch#180995)."""
    net, x = fitted(nn.ConvTranspose2d(4, 6, 3, groups=2), nn.BatchNorm2d(6)), drawn(2, 4, 6, 6, seed=9)
    with pytest.raises(RuntimeError):
        torch.nn.utils.fusion.fuse_conv_bn_eval(net[0], net[1], transpose=True)
    folding = N.fold(net, x)
    torch.testing.assert_close(folding.model(x), net(x), rtol=1e-11, atol=1e-11)


def test_zero_padding_after_a_norm_is_not_folded() -> None:
    """The border sees zeros, not β − μ·s: folding BN → padded conv is wrong there (executorch PR 22517 and others)."""
    net, x = fitted(nn.ReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 3, 3, padding=1)), drawn(2, 4, 6, 6, seed=9)
    folding = N.fold(net, x)
    assert folding.folded == () and "pads" in folding.left["1"]
    torch.testing.assert_close(folding.model(x), net(x), rtol=0, atol=0)


def test_folding_without_affine_and_in_half() -> None:
    """affine=False crashed, and half weights were folded in half precision (pytorch PR 70022, brevitas#484)."""
    net, x = fitted(nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6, affine=False)), drawn(2, 4, 6, 6, seed=9)
    half = copy.deepcopy(net).bfloat16()
    exact = copy.deepcopy(half).double()  # what the rounded weights stand for
    folding = N.fold(half, x.bfloat16())
    torch.testing.assert_close(N.fold(exact, x).model(x), exact(x), rtol=1e-11, atol=1e-11)
    scale, _ = N.tools.fold.scale_and_offset(exact[1])
    torch.testing.assert_close(folding.model[0].weight.double(), exact[0].weight * scale.view(-1, 1, 1, 1), rtol=2**-8, atol=0)


@pytest.mark.parametrize("layer", [N.GroupNorm(4, 4), N.InstanceNorm(4), N.FilterResponseNorm(4), N.EvoNormB0(4), N.EvoNormS0(4, 4)])
def test_one_value_per_statistic_is_an_error(layer: nn.Module) -> None:
    """Silent zeros, or signs, from one value: GroupNorm from a batch of two on (pytorch#19250), FRN and EvoNorm on 1×1 maps."""
    assert nn.GroupNorm(4, 4)(torch.randn(2, 4, 1, 1)).abs().max() < 1e-3, GONE
    with pytest.raises(InputError, match="needs more than 1 value per statistic, got 1 "):
        layer(torch.randn(2, 4, 1, 1))


def test_batch_of_one_says_what_to_do() -> None:
    """"Expected more than 1 value per channel" leaves users to guess (yolov5#2885, mmsegmentation#272, pytorch-summary#4)."""
    with pytest.raises(InputError, match=r"larger batch, drop_last=True, freeze\(\), or GroupNorm"):
        N.BatchNorm(3)(torch.randn(1, 3, 1, 1))


def test_rms_epsilon_is_a_number_and_the_same_in_half() -> None:
    """nn.RMSNorm's eps=None means 1.19e-7 or the input's own, depending on dtype and kernel (pytorch#155527, #189581)."""
    with pytest.raises(InputError, match="`eps` must be a finite number > 0, got None"):
        N.RMSNorm(4, eps=None)
    small = torch.full((1, 8), 2.0**-10)
    layer = N.RMSNorm(8)
    torch.testing.assert_close(layer(small.half()).float(), layer(small), rtol=2**-10, atol=0)


def test_rms_weight_is_applied_before_rounding() -> None:
    """Rounding before the gain is another function in half precision (transformers#33133, TransformerEngine#1132)."""
    x, weight = drawn(64, 32).bfloat16(), drawn(32, seed=1).float()
    wide = x.float() * (x.float().square().mean(-1, keepdim=True) + 1e-5).rsqrt()
    once, twice = (wide * weight).bfloat16(), wide.bfloat16() * weight.bfloat16()
    assert not torch.equal(once, twice)
    assert torch.equal(N.functional.rms_norm(x, (32,), weight), once)


def test_renorm_warm_up_ends_at_its_end() -> None:
    """The warm-up factor went on to 2, 3, 4: a clamp's result was thrown away (torchrl BatchRenorm1d)."""
    layer = N.BatchRenorm(2, warmup=(0, 10))
    for updates, share in ((0, 0.0), (5, 0.5), (10, 1.0), (40, 1.0)):
        layer.num_batches_tracked.fill_(updates)
        assert float(layer.opened()) == share


def test_renorm_of_images_counts_positions_and_survives_one_image() -> None:
    """n/(n − 1) with n = x.shape[0] divides by zero at a batch of one and is wrong for maps (torchrl BatchRenorm1d)."""
    layer, x = N.BatchRenorm(2, momentum=1.0).double(), drawn(1, 2, 3, 3)
    layer(x)
    torch.testing.assert_close(layer.running_var, x.flatten(2).var(2)[0], rtol=1e-12, atol=0)


def test_renorm_scales_and_shifts_after_its_correction() -> None:
    """γ and β before r and d make the correction act on them too (tensorpack#1065)."""
    layer = N.BatchRenorm(1, warmup=(0, 0)).double()
    layer.num_batches_tracked.fill_(1)
    with torch.no_grad():
        layer.running_mean.fill_(0.5), layer.weight.fill_(7.0), layer.bias.fill_(-2.0)
    x = drawn(16, 1, scale=1.1)
    torch.testing.assert_close(copy.deepcopy(layer)(x), layer.eval()(x), rtol=1e-9, atol=1e-9)


def test_renorm_in_half_precision_is_finite() -> None:
    """NaN under AMP (torch-em#499, PR 510)."""
    layer = N.BatchRenorm(3, warmup=(0, 0))
    with torch.autocast("cpu", torch.bfloat16):
        for seed in range(5):
            y = layer(drawn(8, 3, 4, seed=seed, scale=300.0).bfloat16())
    assert y.isfinite().all() and layer.running_var.isfinite().all()


def test_ghost_batches_need_not_divide() -> None:
    """Other ghost norms assert that the batch divides, or leave a remainder of one sample (Hoffer et al.'s code)."""
    layer = N.GhostBatchNorm(3, virtual_batch=4).double()
    x = drawn(9, 3)  # 4 + 4 + 1 would leave one
    y = layer(x)
    torch.testing.assert_close(y, torch.cat([F.batch_norm(p, None, None, training=True) for p in x.split(3)]), rtol=1e-12, atol=1e-12)


def test_evo_norm_of_a_batch_of_one_value_divides_by_nothing() -> None:
    """The running variance takes n/(n − 1) of one value: ZeroDivisionError or infinity (timm evo_norm.py)."""
    layer = N.EvoNormB0(2).double()
    layer(drawn(1, 2, 1, 2))
    assert layer.running_var.isfinite().all()


def test_dynamic_tanh_knows_its_axis() -> None:
    """channels_last was told from the class of the norm it replaced (DyT dynamic_tanh.py)."""
    x = drawn(2, 5, 3, 4).float()
    first, last = N.DynamicTanh(5, channels_first=True), N.DynamicTanh(4)
    for layer in (first, last):
        layer.weight.data.copy_(torch.arange(len(layer.weight)))
    assert not first(x)[:, 0].any() and not last(x)[..., 0].any() and first(x)[:, 1].all()


def test_depthwise_standardization_is_refused() -> None:
    """A kernel of fan-in 1, standardized, is 0: the layer goes silent (WeightStandardization README's formula)."""
    with pytest.raises(InputError, match="fan-in 1 would always be 0"):
        N.WSConv2d(4, 4, 1, groups=4)(torch.randn(1, 4, 3, 3))


def test_whitening_of_groups_steps_and_equal_eigenvalues() -> None:
    """Crash with more than one group, divergence at 15 steps (IterNorm-pytorch); NaN gradients of eigh (DecorrelatedBN#2)."""
    x = drawn(300, 8).requires_grad_()
    for steps in (15, 40):
        layer = N.IterativeWhitening(8, 4, steps=steps, eps=1e-9).double()
        y = layer(x)
        for block in y.detach().split(4, 1):
            assert (block.T @ block / 300 - torch.eye(4)).abs().max() < 1e-6
    isotropic = torch.cat([torch.eye(4), -torch.eye(4)]).double().requires_grad_()  # one eigenvalue, four times
    (grad,) = torch.autograd.grad(N.IterativeWhitening(4).double()(isotropic).pow(3).sum(), isotropic)
    assert grad.isfinite().all()


def test_whitening_starts_from_gain_one() -> None:
    """Gains drawn from U(0, 1) shrink every channel at random (IterNorm-pytorch dbn.py)."""
    layer = N.IterativeWhitening(4)
    assert torch.equal(layer.weight, torch.ones(4)) and not layer.bias.any()


def test_quantile_map_hands_gradients_back_and_keeps_a_table() -> None:
    """Rank transforms have no gradient and no meaning for new data (sklearn QuantileTransformer, pytorch-normalizers)."""
    layer, x = N.ProbabilityNorm(2).double(), drawn(64, 2).requires_grad_()
    (grad,) = torch.autograd.grad(layer(x).pow(3).sum(), x)
    assert (grad != 0).double().mean() > 0.9
    single = layer.eval()(x[:1])
    torch.testing.assert_close(single, layer(x)[:1], rtol=0, atol=0)
