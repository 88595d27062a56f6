"""Adaptive gradient clipping: no gradient larger than a fraction of its weights, unit by unit."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from steadygrad.errors import InputError
from steadygrad.optim.around import Around
from steadygrad.optim.layerwise import number

Per = Literal["unit", "tensor"]


def unit_axes(model: nn.Module) -> dict[Tensor, int]:
    """Parameter → axis of its output units, for those where it is not 0: transposed convolutions (in, out/groups, …).

    With groups a slice along that axis belongs to one unit of each group; they are clipped together.
    """
    transposed = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    return {module.weight: 1 for module in model.modules() if isinstance(module, transposed)}


def clip_factor(parameter: Tensor, grad: Tensor, clipping: float = 0.01, eps: float = 1e-3, per: Per = "unit", axis: int = 0) -> Tensor:
    """min(1, clipping·max(‖w‖, eps)/‖g‖), broadcasting over `grad`; norms over all but `axis`, or over everything.

    Vectors and scalars have one norm. A gradient of zero has factor 1; `eps` lets weights at zero begin to move.

    Source: Brock et al. 2021, arXiv:2102.06171, eq. 3.
    """
    dims = tuple(d for d in range(parameter.ndim) if d != axis) if per == "unit" and parameter.ndim > 1 else None
    weight = torch.linalg.vector_norm(parameter, dim=dims, keepdim=True)
    size = torch.linalg.vector_norm(grad, dim=dims, keepdim=True)
    bound = clipping * weight.clamp(min=eps)
    return torch.where(size > bound, bound / torch.where(size > 0, size, 1.0), torch.ones_like(size))


@torch.no_grad()
def adaptive_clip_(
    parameters: Iterable[Tensor], clipping: float = 0.01, eps: float = 1e-3, *, per: Per = "unit", axes: Mapping[Tensor, int] | None = None
) -> None:
    """Clip gradients in place: g ← g·clip_factor(w, g). Leave out the last linear layer, as the paper does.

    NaN gradients stay NaN, for a loss scaler to see. Sharded parameters (DTensor) are clipped by their global norms.

    Args:
        parameters: those to clip; those without gradient are passed over.
        clipping: λ > 0.
        eps: least norm of a unit's weights.
        per: "unit" or "tensor".
        axes: parameter → unit axis where it is not 0; see `unit_axes`.

    Raises:
        InputError: a setting out of range.

    Source: Brock et al. 2021, arXiv:2102.06171, section 4.
    """
    number("adaptive_clip_", "clipping", clipping, 1e-30)
    number("adaptive_clip_", "eps", eps, 1e-30)
    if per not in ("unit", "tensor"):
        raise InputError(f"adaptive_clip_: `per` must be 'unit' or 'tensor', got {per!r}")
    for p in parameters:
        if p.grad is not None:
            p.grad.mul_(clip_factor(p, p.grad, clipping, eps, per, 0 if axes is None else axes.get(p, 0)).to(p.grad.dtype))


class AGC(Around):
    """`adaptive_clip_` before each step of any optimizer; see Around and adaptive_clip_ for arguments and formula.

    Raises:
        InputError: no optimizer, or a setting out of range.

    Source: Brock et al. 2021, arXiv:2102.06171, eq. 3.
    """

    def __init__(
        self, optimizer: Optimizer, clipping: float = 0.01, *, eps: float = 1e-3, per: Per = "unit",
        axes: Mapping[Tensor, int] | None = None, exclude: Iterable[Tensor] = (),
    ) -> None:  # fmt: skip
        adaptive_clip_([], clipping, eps, per=per)
        self.clipping, self.eps, self.per, self.axes = clipping, eps, per, axes
        super().__init__(optimizer, exclude)

    @torch.no_grad()
    def factor(self, parameter: Tensor, update: Tensor) -> Tensor:
        """The factor of one parameter for the gradient `update`, per unit or for all of it."""
        axis = 0 if self.axes is None else self.axes.get(parameter, 0)
        return clip_factor(parameter, update, self.clipping, self.eps, self.per, axis)

    def _rewrite(self, group: dict[str, Any], params: list[Tensor], grads: list[Tensor]) -> None:
        adaptive_clip_(params, self.clipping, self.eps, per=self.per, axes=self.axes)
