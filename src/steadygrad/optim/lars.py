"""LARS: momentum SGD with a learning rate per layer."""

from typing import Any

import torch
from torch import Tensor

from steadygrad.optim.layerwise import Layerwise, number
from steadygrad.optim.trust_ratio import matched, norms, trust_ratios


class LARS(Layerwise):
    """v ← m·v + lr·λ·(g + β·w), w ← w − v, λ = η·‖w‖/(‖g‖ + β·‖w‖) per parameter tensor.

    The weight decay β stands in the denominator, as in the paper; other implementations leave it out. λ = 1 where the
    norm of w or of g is zero. Parameters that are not adapted (see Layerwise) get plain momentum SGD. As lr stands inside
    the velocity, a schedule's change reaches old gradients only as momentum forgets them.

    A step does not depend on the scale of the gradients (β = 0), and moves ‖w‖ by lr·η relative to itself: right for
    weights before a norm, whose scale means nothing.

    Args:
        params: parameters or groups; a group may say `adapt`.
        lr: global learning rate, ≥ 0.
        momentum: m in [0, 1].
        weight_decay: β ≥ 0.
        trust_coefficient: η > 0.
        eps: added to the denominator.
        nesterov: steps by m·v + lr·λ·(g + β·w) instead of v.

    Raises:
        InputError: a setting out of range; sparse gradients.

    Source: You, Gitman & Ginsburg 2017, arXiv:1708.03888, algorithm 1 and eq. 6.
    """

    def __init__(
        self, params: Any, lr: float, momentum: float = 0.9, weight_decay: float = 0.0, *,
        trust_coefficient: float = 0.001, eps: float = 0.0, nesterov: bool = False,
    ) -> None:  # fmt: skip
        number("LARS", "momentum", momentum, 0.0, 1.0)
        number("LARS", "trust_coefficient", trust_coefficient)
        number("LARS", "eps", eps)
        settings = {"momentum": momentum, "weight_decay": weight_decay, "trust_coefficient": trust_coefficient, "eps": eps, "nesterov": nesterov}
        super().__init__(params, {"lr": lr, **settings})

    def factor(self, parameter: Tensor, update: Tensor) -> Tensor:
        """λ of one parameter for the gradient `update`, with its group's settings."""
        group = next(g for g in self.param_groups if any(p is parameter for p in g["params"]))
        return self._factors(group, [parameter], [update])[0]

    @staticmethod
    @torch.no_grad()
    def _factors(group: dict[str, Any], params: list[Tensor], grads: list[Tensor]) -> Tensor:
        return trust_ratios(norms(params), norms(grads), group["trust_coefficient"], group["weight_decay"], group["eps"])

    def _update(self, group: dict[str, Any], params: list[Tensor], grads: list[Tensor], adapt: bool) -> None:
        velocity = self._states(params, "momentum_buffer")
        decay, momentum, lr = group["weight_decay"], group["momentum"], group["lr"]
        rates = matched(lr * self._factors(group, params, grads), params) if adapt else None
        step = torch._foreach_add(grads, params, alpha=decay) if decay else grads
        torch._foreach_mul_(velocity, momentum)
        if rates is None:
            torch._foreach_add_(velocity, step, alpha=lr)
        else:
            torch._foreach_addcmul_(velocity, step, rates)
        if not group["nesterov"]:
            torch._foreach_sub_(params, velocity)
            return
        torch._foreach_add_(params, velocity, alpha=-momentum)
        if rates is None:
            torch._foreach_add_(params, step, alpha=-lr)
        else:
            torch._foreach_addcmul_(params, step, rates, value=-1)
