"""LARC: LARS's ratio around any optimizer, clipped or not."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from steadygrad.optim.around import Around
from steadygrad.optim.layerwise import number
from steadygrad.optim.trust_ratio import matched, norms, trust_ratios


class LARC(Around):
    """g ← ρ·(g + β·w) − β·w before the step, ρ = min(λ/lr, 1) or with clip=False λ, λ = η·‖w‖/(‖g‖ + β·‖w‖ + eps).

    An optimizer that adds its own weight decay β·w to the gradient thus steps by ρ·(g + β·w), without its groups being
    touched; one whose decay is decoupled (AdamW) gets ρ·g, with β = 0 in λ. With clip the learning rate of a layer never
    exceeds λ; without, λ·lr is it. Optimizers that divide by the gradient's size (Adam) undo ρ: use LAMB there.

    Args:
        optimizer: any; see Around.
        trust_coefficient: η.
        clip: see above.
        eps: in the denominator.
        exclude: parameters to leave alone, such as those of roles norm and bias.

    Raises:
        InputError: no optimizer, or a setting out of range.

    Source: NVIDIA apex, LARC (defaults 0.02, clip, 1e-8); You, Gitman & Ginsburg 2017, arXiv:1708.03888, eq. 6.
    """

    def __init__(
        self, optimizer: Optimizer, trust_coefficient: float = 0.02, *, clip: bool = True, eps: float = 1e-8, exclude: Iterable[Tensor] = ()
    ) -> None:
        number("LARC", "trust_coefficient", trust_coefficient)
        number("LARC", "eps", eps)
        self.trust_coefficient, self.clip, self.eps = trust_coefficient, clip, eps
        super().__init__(optimizer, exclude)

    @torch.no_grad()
    def factor(self, parameter: Tensor, update: Tensor) -> Tensor:
        """ρ of one parameter for the gradient `update`."""
        group = next(g for g in self.optimizer.param_groups if any(p is parameter for p in g["params"]))
        return self._factors(group, [parameter], [update])[0]

    def _factors(self, group: dict[str, Any], params: list[Tensor], grads: list[Tensor]) -> Tensor:
        weights, updates = norms(params), norms(grads)
        ratio = trust_ratios(weights, updates, self.trust_coefficient, _coupled(group), self.eps)
        if not self.clip:
            return ratio
        lr = float(group["lr"])
        clipped = (ratio / lr).clamp(max=1.0) if lr > 0 else torch.ones_like(ratio)
        return torch.where((weights > 0) & (updates > 0), clipped, torch.ones_like(clipped))

    def _rewrite(self, group: dict[str, Any], params: list[Tensor], grads: list[Tensor]) -> None:
        ratios = self._factors(group, params, grads)
        torch._foreach_mul_(grads, matched(ratios, grads))
        decay = _coupled(group)
        if decay:
            torch._foreach_addcmul_(grads, params, matched((ratios - 1) * decay, grads))


def _coupled(group: dict[str, Any]) -> float:
    """The weight decay that the optimizer adds to the gradient itself."""
    return 0.0 if group.get("decoupled_weight_decay") else float(group.get("weight_decay", 0.0))
