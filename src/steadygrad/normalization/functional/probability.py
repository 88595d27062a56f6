"""Probability-integral-transform normalization: every channel gets a wanted distribution, not only its first two moments."""

from typing import Literal

import torch

from steadygrad.normalization.validate import one_of, several, signal

Target = Literal["uniform", "gaussian"]


def batch_quantiles(x: torch.Tensor, points: int) -> torch.Tensor:
    """(points, C): the values of x (N, C, …) at probabilities 0, 1/(points − 1), …, 1, per channel; differentiable.

    Linear between order statistics, as torch.quantile and NumPy do by default.
    """
    flat = x.transpose(0, 1).reshape(x.shape[1], -1)
    order = flat.detach().sort(1).indices  # only the few values taken from it need a gradient
    place = torch.linspace(0, flat.shape[1] - 1, points, dtype=torch.float64, device=x.device)
    low = place.floor().long().clamp(max=max(flat.shape[1] - 2, 0))
    share = (place - low).to(x.dtype)
    left, right = flat.gather(1, order[:, low]), flat.gather(1, order[:, (low + 1).clamp(max=flat.shape[1] - 1)])
    return (left * (1 - share) + right * share).T


def through_quantiles(x: torch.Tensor, table: torch.Tensor, target: Target = "uniform", clip: float = 1e-3) -> torch.Tensor:
    """F̂(x) by linear interpolation in `table` (points, C), F̂ in [clip, 1 − clip]; "gaussian" then takes Φ⁻¹.

    dF̂/dx is the slope of the table, the density: unlike a rank, which is constant almost everywhere, it hands gradients
    back. Equal table entries (ties) are taken at their middle, with a slope of zero. Beyond the table F̂ is clipped: there
    the gradient is zero.

    Source: Angus 1994, SIAM Review 36(4) (the transform); interpolated empirical distribution.
    """
    one_of("through_quantiles", "target", target, ("uniform", "gaussian"))
    points = table.shape[0]
    flat = x.transpose(0, 1).reshape(x.shape[1], -1).contiguous()
    columns = table.T.contiguous()
    left = torch.searchsorted(columns.detach(), flat.detach())
    entry = left.clamp(max=points - 1)
    past = torch.searchsorted(columns.detach(), columns.detach(), right=True)  # of equal entries, the one after the last
    right = torch.where(columns.detach().gather(1, entry) == flat.detach(), past.gather(1, entry), left)
    low = (left - 1).clamp(0, points - 2)
    a, b = columns.gather(1, low), columns.gather(1, low + 1)
    width = b - a
    inside = low + torch.where(width > 0, (flat - a) / torch.where(width > 0, width, 1.0), 0.5)
    tied = right - left > 1
    u = torch.where(tied, (left + right - 1).to(x.dtype) / 2, inside) / (points - 1)
    u = u.clamp(clip, 1 - clip)
    y = u if target == "uniform" else torch.special.ndtri(u)
    return y.view(x.shape[1], x.shape[0], *x.shape[2:]).transpose(0, 1)


def probability_transform(
    x: torch.Tensor, target: Target = "gaussian", points: int = 33, clip: float | None = None, table: torch.Tensor | None = None
) -> torch.Tensor:
    """x (N, C, …) to the target distribution per channel by the batch's own quantiles; clip 1/(2n) unless given.

    Gradients flow through x and through the quantiles. `table` is batch_quantiles(x, points), where it is at hand.

    Raises:
        InputError: one value per channel, fewer than two points, an unknown target.
    """
    signal("probability_transform", x)
    n = x.numel() // max(x.shape[1], 1)
    several("probability_transform", n, x.shape)
    several("probability_transform (points of the table)", points, x.shape, "points=33 is usual")
    table = batch_quantiles(x, points) if table is None else table
    return through_quantiles(x, table, target, 1 / (2 * n) if clip is None else clip)
