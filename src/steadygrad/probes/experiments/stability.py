"""How far an optimizer may step: the curvature at which its own iteration stops converging.

On a quadratic loss of curvature λ along one direction, with rate η:

    gradient descent, momentum β, dampening d      unstable when  η(1 − d)λ > 2(1 + β)
    the same with Nesterov's momentum              unstable when  η λ > 2(1 + β)/(1 + 2β)
    Adam with m ← βm + (1 − β)g, step ηm/P         unstable when  η λ_max(P^−½ H P^−½) > 2(1 + β)/(1 − β) = 38 for β = 0.9

The first is the root condition of z² − (1 + β − ηλ)z + β = 0 at z = −1; the others follow with the effective rate.
With one rate per weight, ηλ becomes λ_max(R^½ H R^½), R the diagonal of rates (divided by P for Adam).
Source: Polyak 1964; Cohen et al. 2021, arXiv:2103.00065, appendix B; Cohen et al. 2022, arXiv:2207.14484, section 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Stability:
    """The limit that λ_max(R^½ H R^½) must not pass, and R as one factor (number or tensor) per parameter."""

    limit: float
    rates: tuple[Any, ...]
    formula: str

    @property
    def single_rate(self) -> float | None:
        """η when every parameter has the same plain rate; None otherwise."""
        rates = {r if isinstance(r, float) else None for r in self.rates}
        return rates.pop() if len(rates) == 1 else None


def stability(optimizer: Any, parameters: Sequence[torch.Tensor]) -> Stability | None:
    """What is known of this optimizer; None for one that is not SGD or Adam, for an Adam without a second moment yet
    (the square of one gradient is no preconditioner), and where groups differ in momentum.
    """
    if isinstance(optimizer, torch.optim.SGD):
        return _sgd(optimizer, parameters)
    if isinstance(optimizer, torch.optim.Adam | torch.optim.AdamW):
        return _adam(optimizer, parameters)
    return None


def _groups(optimizer: Any) -> dict[int, dict[str, Any]]:
    return {id(p): group for group in optimizer.param_groups for p in group["params"]}


def _sgd(optimizer: Any, parameters: Sequence[torch.Tensor]) -> Stability | None:
    groups = _groups(optimizer)
    kinds = {(float(g["momentum"]), bool(g["nesterov"]), bool(g["maximize"])) for g in optimizer.param_groups}
    if len(kinds) != 1:
        return None
    beta, nesterov, maximize = kinds.pop()
    if maximize:
        return None
    held = [groups.get(id(p)) for p in parameters]
    rates = tuple(0.0 if g is None else float(g["lr"]) * (1.0 - float(g["dampening"]) if beta else 1.0) for g in held)
    limit = 2.0 * (1.0 + beta) / (1.0 + 2.0 * beta) if nesterov else 2.0 * (1.0 + beta)
    formula = "2(1 + β)/(1 + 2β)" if nesterov else ("2(1 + β)" if beta else "2")
    return Stability(limit, rates, formula)


def _adam(optimizer: Any, parameters: Sequence[torch.Tensor]) -> Stability | None:
    groups = _groups(optimizer)
    betas = {tuple(map(float, g["betas"])) for g in optimizer.param_groups}
    if len(betas) != 1 or any(g["maximize"] or g["amsgrad"] for g in optimizer.param_groups):
        return None
    ((first, second),) = betas
    rates: list[Any] = []
    for parameter in parameters:
        group, state = groups.get(id(parameter)), optimizer.state.get(parameter, {})
        if group is None:
            rates.append(0.0)
            continue
        if "exp_avg_sq" not in state:
            return None
        seen = 1.0 - second ** float(state["step"])
        rates.append(float(group["lr"]) / ((state["exp_avg_sq"] / seen).sqrt() + float(group["eps"])))
    return Stability(2.0 * (1.0 + first) / (1.0 - first), tuple(rates), "2(1 + β₁)/(1 − β₁)")
