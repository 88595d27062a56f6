"""LAMB: Adam's direction, with a length per layer."""

from typing import Any

import torch
from torch import Tensor

from steadygrad.optim.layerwise import Layerwise, number
from steadygrad.optim.trust_ratio import matched, norms, trust_ratios


class LAMB(Layerwise):
    """w ← w − lr·φ(‖w‖)/‖r‖·r with r = m̂/(√v̂ + eps) + λ·w per parameter tensor, φ(z) = min(z, bound).

    m̂, v̂ are Adam's moments, corrected for their start. The ratio is 1 where either norm is zero, and for parameters that
    are not adapted (see Layerwise): those get AdamW. With ratio 1 everywhere it is AdamW.

    Args:
        params: parameters or groups; a group may say `adapt`.
        lr: ≥ 0.
        betas: of the two moments, in [0, 1).
        eps: added to √v̂, > 0.
        weight_decay: λ, inside the norm of r.
        bound: largest φ; None for none.
        max_grad_norm: clip the norm of all gradients together before the moments, in place; None for not. Infinite or NaN
            norms leave the gradients as they are.

    Raises:
        InputError: a setting out of range; sparse gradients.

    Source: You et al. 2019, arXiv:1904.00962, algorithm 2; φ from section 3.
    """

    def __init__(
        self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-6,
        weight_decay: float = 0.01, *, bound: float | None = None, max_grad_norm: float | None = None,
    ) -> None:  # fmt: skip
        for i, beta in enumerate(betas):
            number("LAMB", f"betas[{i}]", beta, 0.0, 1 - 1e-9)
        number("LAMB", "eps", eps, 1e-30)
        for name, value in (("bound", bound), ("max_grad_norm", max_grad_norm)):
            if value is not None:
                number("LAMB", name, value, 1e-30)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "bound": bound})
        self.max_grad_norm = max_grad_norm

    def step(self, closure: Any = None) -> Any:
        """One update; see Layerwise.step."""
        if self.max_grad_norm is None:
            return super().step(closure)
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        grads = [p.grad for g in self.param_groups for p in g["params"] if p.grad is not None]
        if grads:
            total = norms([norms(grads)])[0]
            scale = (self.max_grad_norm / total).clamp(max=1.0)
            scale = torch.where(scale.isfinite() & (scale > 0), scale, torch.ones_like(scale))
            with torch.no_grad():
                torch._foreach_mul_(grads, matched(scale.expand(len(grads)), grads))
        super().step()
        return loss

    @torch.no_grad()
    def factor(self, parameter: Tensor, update: Tensor) -> Tensor:
        """φ(‖w‖)/‖r‖ for the direction r = `update`."""
        group = next(g for g in self.param_groups if any(p is parameter for p in g["params"]))
        return self._factors(group, [parameter], [update])[0]

    @staticmethod
    def _factors(group: dict[str, Any], params: list[Tensor], directions: list[Tensor]) -> Tensor:
        weights = norms(params)
        return trust_ratios(weights if group["bound"] is None else weights.clamp(max=group["bound"]), norms(directions))

    def _update(self, group: dict[str, Any], params: list[Tensor], grads: list[Tensor], adapt: bool) -> None:
        first, second = self._states(params, "exp_avg"), self._states(params, "exp_avg_sq")
        steps = self._count(params)
        beta1, beta2 = group["betas"]
        torch._foreach_lerp_(first, grads, 1 - beta1)
        torch._foreach_mul_(second, beta2)
        torch._foreach_addcmul_(second, grads, grads, 1 - beta2)
        # m̂/(√v̂ + eps) = (m/(√v + eps·√c₂))·√c₂/c₁, per tensor: parameters may have started at different steps
        roots = [(1 - beta2**t) ** 0.5 for t in steps]
        divisor = torch._foreach_sqrt(second)
        torch._foreach_add_(divisor, [group["eps"] * root for root in roots])
        direction = torch._foreach_mul(params, group["weight_decay"])
        torch._foreach_addcdiv_(direction, first, divisor, [root / (1 - beta1**t) for root, t in zip(roots, steps, strict=True)])
        if adapt:
            torch._foreach_addcmul_(params, direction, matched(group["lr"] * self._factors(group, params, direction), params), value=-1)
        else:
            torch._foreach_add_(params, direction, alpha=-group["lr"])

    def _count(self, params: list[Tensor]) -> list[float]:
        states = [self.state[p] for p in params]
        for state in states:
            if "step" not in state:
                state["step"] = torch.tensor(0.0)
        steps = [state["step"] for state in states]
        torch._foreach_add_(steps, 1.0)
        return [step.item() for step in steps]
