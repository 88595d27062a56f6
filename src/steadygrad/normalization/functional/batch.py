"""Batch normalization: the chapter's definition, torch's, and the standardizing both share."""

from typing import Literal

import torch

from steadygrad.normalization.functional.conventions import MomentumOf, Variance, convert_momentum
from steadygrad.normalization.functional.moments import Moments, along_channels, channel_axes
from steadygrad.normalization.validate import fraction, one_of, positive, several, signal

Normalize = Literal["both", "mean", "variance"]


def standardize(x: torch.Tensor, mean: torch.Tensor, variance: torch.Tensor, eps: float, normalize: Normalize = "both") -> torch.Tensor:
    """(x − mean) / √(variance + eps) per channel; without the quotient for "mean", without the difference for "variance"."""
    if normalize != "variance":
        x = x - along_channels(mean, x)
    return x if normalize == "mean" else x * along_channels((variance + eps).rsqrt(), x)


def scale_and_shift(x: torch.Tensor, weight: torch.Tensor | None, bias: torch.Tensor | None) -> torch.Tensor:
    """γ·x + β per channel; None stands for 1 and 0."""
    if weight is not None:
        x = x * along_channels(weight, x)
    return x if bias is None else x + along_channels(bias, x)


def chapter_batch_norm(
    X: torch.Tensor, gamma: torch.Tensor, beta: torch.Tensor, moving_mean: torch.Tensor, moving_var: torch.Tensor,
    eps: float, momentum: float, *, training: bool,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
    """Batch normalization with the book chapter's signature and conventions: returns (Y, moving_mean, moving_var).

    x̂ = (x − μ_B) / √(σ²_B + eps), Y = γ·x̂ + β; statistics over axis 0 of (N, C), over axes (0, 2, 3) of (N, C, H, W).
    `momentum` weighs the *old* value, the biased variance is kept, nothing is written in place. γ, β and the statistics
    have shape (C,) or one that broadcasts, (1, C, 1, 1). Whether we train is said, not guessed from autograd: under
    torch.no_grad() one may train statistics, and with gradients one may predict.

    Raises:
        InputError: eps ≤ 0, momentum outside [0, 1], a non-floating input, other than 2 to 5 axes.

    Source: Dive into Deep Learning, chapter "Batch Normalization"; Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 1.
    """
    positive("chapter_batch_norm", "eps", eps)
    fraction("chapter_batch_norm", "momentum", momentum)
    signal("chapter_batch_norm", X)
    mean, var = moving_mean, moving_var
    if training:
        shape = (1, -1, *(1,) * (X.ndim - 2)) if moving_mean.ndim > 1 else (-1,)
        mean = X.mean(channel_axes(X))
        var = (X - along_channels(mean, X)).square().mean(channel_axes(X))
        moving_mean = momentum * moving_mean + (1.0 - momentum) * mean.detach().view(shape)
        moving_var = momentum * moving_var + (1.0 - momentum) * var.detach().view(shape)
    X_hat = (X - along_channels(mean, X)) / along_channels(var + eps, X).sqrt()
    return along_channels(gamma, X) * X_hat + along_channels(beta, X), moving_mean, moving_var


def batch_norm(
    input: torch.Tensor, running_mean: torch.Tensor | None = None, running_var: torch.Tensor | None = None,
    weight: torch.Tensor | None = None, bias: torch.Tensor | None = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-5, *,
    normalize: Normalize = "both", momentum_of: MomentumOf = "new", variance: Variance = "unbiased",
) -> torch.Tensor:  # fmt: skip
    """`torch.nn.functional.batch_norm`, written out, with the choices torch does not offer.

    y = γ·(x − μ)/√(σ² + eps) + β, x of shape (N, C) to (N, C, D, H, W), statistics per channel, normalizing by the biased
    variance. In training running statistics move in place: by `momentum` of the new value, or with momentum_of="old" of
    the old one; `variance` says which one is kept. normalize="mean" or "variance" leaves the other part out.

    Raises:
        InputError: one value per channel in training; eps ≤ 0; momentum outside [0, 1]; a non-floating input or wrong
            axes.

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, algorithms 1 and 2; mean-only: Salimans & Kingma 2016, arXiv:1602.07868.
    """
    where = "batch_norm"
    positive(where, "eps", eps)
    fraction(where, "momentum", momentum)
    one_of(where, "normalize", normalize, ("both", "mean", "variance"))
    one_of(where, "variance", variance, ("unbiased", "biased"))
    signal(where, input)
    if not training and running_mean is not None and running_var is not None:
        return scale_and_shift(standardize(input, running_mean, running_var, eps, normalize), weight, bias)
    several(where, input.numel() // max(input.shape[1], 1), input.shape)
    moments = Moments.of(input)
    if training and running_mean is not None and running_var is not None:
        with torch.no_grad():
            step = convert_momentum(momentum, momentum_of, "new")
            running_mean.lerp_(moments.mean.to(running_mean.dtype), step)
            running_var.lerp_((moments.unbiased if variance == "unbiased" else moments.biased).to(running_var.dtype), step)
    return scale_and_shift(standardize(input, moments.mean, moments.biased, eps, normalize), weight, bias)
