"""How curved the loss is where training starts: the sharpness λ_max, and the curvature along the gradient."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from steadygrad.probes.experiments.hessian import Hessian, flat
from steadygrad.probes.experiments.lanczos import Ritz, lanczos, random_signs
from steadygrad.probes.experiments.stability import Stability, stability
from steadygrad.probes.session import Session

STEPS = 24
TOLERANCE = 0.05
"""Bound of the relative error at which Lanczos stops; the error itself is about its square over the gap to the next eigenvalue."""


@dataclass(frozen=True)
class Curvature:
    """The Hessian H of the loss on the batch, at the weights as they are.

    Fields:
        sharpness: λ_max(H), as the largest Ritz value: never above the true one in exact arithmetic.
        error: an eigenvalue lies within this distance of it.
        lowest: smallest Ritz value; negative where the loss bends down.
        along_gradient: gᵀHg/gᵀg; 1/this is the rate of the best single step of gradient descent.
        gradient_norm: ‖g‖.
        rate_sharpness: λ_max(R^½ H R^½), dimensionless: the sharpness in units of the optimizer's own rates; None where
            the optimizer has no known limit (see `stability`).
        limit, limit_formula: what `rate_sharpness` must not pass for the optimizer to converge.
        stable_rate: the largest stable rate of this optimizer, when it has one rate; without an optimizer 2/λ_max.
        products: Hessian–vector products it took.
        method: "double backward", or "differences of gradients at distance …".
    """

    sharpness: float
    error: float
    lowest: float
    along_gradient: float
    gradient_norm: float
    rate_sharpness: float | None = None
    limit: float | None = None
    limit_formula: str = ""
    stable_rate: float | None = None
    products: int = 0
    method: str = ""


class CurvatureExperiment:
    """Lanczos on Hessian–vector products, from the gradient plus a random direction of the same length."""

    name: ClassVar[str] = "curvature"
    depths: ClassVar[tuple[str, ...]] = ("full",)
    cost: ClassVar[str] = "one gradient with a graph of its own, then at most 2·24 + 1 backward passes through it; 6 copies of the weights"
    unit: ClassVar[str] = "loss per squared weight; rate_sharpness has none"

    def applies(self, session: Session) -> bool:
        """With a finite loss of the user's own and gradients that are finite and dense."""
        traced = session.traced
        if traced is None or traced.loss is None or traced.cotangent or not bool(torch.isfinite(traced.loss.detach())):
            return False
        found = [g for g in session.gradients.values() if g is not None]
        return bool(found) and all(not g.is_sparse and not g.is_complex() and bool(torch.isfinite(g).all()) for g in found)

    def run(self, session: Session) -> Curvature:
        """Measure."""
        names = [name for name, g in session.gradients.items() if g is not None]
        parameters = [session.parameters[name] for name in names]
        hessian = Hessian(session, parameters)
        g = hessian.gradient
        length = float(g.norm())
        along = float(torch.dot(hessian(g / length), g)) / length if length > 0.0 else 0.0
        found = lanczos(hessian, _start(g), STEPS, TOLERANCE)
        known = stability(session.case.optimizer, parameters) if session.case.optimizer is not None else None
        scaled = self._scaled(hessian, known, parameters, found)
        rate = known.single_rate if known is not None else None
        limit, formula = (known.limit, known.formula) if known is not None else (None, "")
        if session.case.optimizer is None and found.top > 0.0:
            stable: float | None = 2.0 / found.top
        else:
            stable = known.limit * rate / scaled if known is not None and rate and scaled is not None and scaled > 0.0 else None
        return Curvature(
            found.top, found.error, found.bottom, along, length, scaled, limit, formula, stable, hessian.products, hessian.method
        )  # fmt: skip

    def _scaled(self, hessian: Hessian, known: Stability | None, parameters: list[torch.nn.Parameter], found: Ritz) -> float | None:
        if known is None:
            return None
        if known.single_rate is not None:
            return known.single_rate * found.top
        roots = [torch.as_tensor(r, dtype=p.dtype, device=p.device).expand_as(p).sqrt() for r, p in zip(known.rates, parameters, strict=True)]
        root = flat(roots, parameters)
        return lanczos(lambda v: root * hessian(root * v), _start(root * hessian.gradient), STEPS, TOLERANCE).top


def _start(gradient: torch.Tensor) -> torch.Tensor:
    """The gradient, which finds the directions that matter, plus a random direction of the same length, which misses none."""
    signs, length = random_signs(gradient, seed=0), gradient.norm()
    return signs / signs.norm() + (gradient / length if length > 0.0 else 0.0)
