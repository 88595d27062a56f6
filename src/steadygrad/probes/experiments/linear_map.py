"""A Jacobian as a linear map between two live tensors: products with it and its transpose, and its spectrum."""

from dataclasses import dataclass

import numpy as np
import torch

from steadygrad.probes.experiments.hessian import require_second_derivative
from steadygrad.probes.experiments.lanczos import lanczos, random_signs

EXACT = 128
STEPS = 6
PROBES = 3
MANY = 4096
"""From so many singular values on, one probe knows their mean to √(2(1 + spread)/n), some per cent."""


@dataclass(frozen=True)
class Spectrum:
    """Squared singular values s² of a Jacobian (outputs, inputs), n = min(outputs, inputs) of them.

    Fields:
        outputs, inputs: entries of the two tensors, the whole batch.
        mean: tr(JJᵀ)/n.
        spread: Var(s²)/mean(s²)²; 0 is dynamical isometry. None where J itself could not be applied.
        top: largest s, a lower bound unless `exact`. None as `spread`.
        exact: from the whole matrix rather than from random probes.
        signal: rms of the output over rms of the input: what happens to the signal itself.
    """

    outputs: int
    inputs: int
    mean: float
    spread: float | None
    top: float | None
    exact: bool
    signal: float

    @property
    def forward(self) -> float:
        """tr(JJᵀ)/outputs: the variance that a white perturbation of variance 1 at the input has at the output; χ₁ of a layer."""
        return self.mean * min(self.outputs, self.inputs) / self.outputs

    @property
    def backward(self) -> float:
        """tr(JJᵀ)/inputs: the variance of the gradient at the input for a white gradient of variance 1 at the output."""
        return self.mean * min(self.outputs, self.inputs) / self.inputs

    @property
    def chaos(self) -> float:
        """√forward/signal: how much a small relative difference between two inputs grows on the way, beside the signal."""
        return self.forward**0.5 / self.signal if self.signal > 0.0 else 0.0


class LinearMap:
    """J = ∂y/∂x. Jᵀu is a backward pass; Jv the derivative of Jᵀu, which is linear in u, along v.

    Source: Townsend 2017, "A new trick for calculating Jacobian vector products".
    """

    def __init__(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self._x, self._y = x, y
        self._u: torch.Tensor | None = None
        self._z: torch.Tensor | None = None

    def transposed(self, u: torch.Tensor) -> torch.Tensor:
        """Jᵀu, flat."""
        (made,) = torch.autograd.grad(self._y, self._x, u.view_as(self._y).to(self._y.dtype), retain_graph=True, allow_unused=True)
        return (torch.zeros_like(self._x) if made is None else made.detach()).flatten().float()

    def forward(self, v: torch.Tensor) -> torch.Tensor:
        """Jv, flat.

        Raises:
            RuntimeError, NotImplementedError: an op on the way has no double backward.
        """
        if self._z is None or self._u is None:
            self._u = torch.zeros_like(self._y, requires_grad=True)
            (self._z,) = torch.autograd.grad(self._y, self._x, self._u, create_graph=True, allow_unused=True)
            require_second_derivative([self._z])
        if self._z is None or not self._z.requires_grad:
            return torch.zeros(self._y.numel(), device=self._y.device)
        (made,) = torch.autograd.grad(self._z, self._u, v.view_as(self._z).to(self._z.dtype), retain_graph=True, allow_unused=True)
        return (torch.zeros_like(self._y) if made is None else made.detach()).flatten().float()

    def spectrum(self) -> Spectrum:
        """Exact where the smaller side has at most 128 entries, else from Lanczos runs with random signs."""
        outputs, inputs = self._y.numel(), self._x.numel()
        signal = float(self._y.detach().float().square().mean().sqrt()) / max(float(self._x.detach().float().square().mean().sqrt()), 1e-30)
        if outputs <= EXACT:
            s = torch.linalg.svdvals(torch.stack([self.transposed(row) for row in torch.eye(outputs, device=self._y.device)]).double())
            square = s[: min(outputs, inputs)].square()
            mean = float(square.mean())
            spread = float(square.var(correction=0)) / mean**2 if mean > 0.0 else None
            return Spectrum(outputs, inputs, mean, spread, float(s[0]), True, signal)
        return Spectrum(outputs, inputs, *self._probed(outputs, inputs), False, signal)

    def _probed(self, outputs: int, inputs: int) -> tuple[float, float | None, float | None]:
        """Mean, spread, top. Products with the smaller of JJᵀ and JᵀJ; without products with J the mean alone."""
        n = min(outputs, inputs)
        like = self._y.detach().flatten().float() if outputs <= inputs else self._x.detach().flatten().float()

        def square(v: torch.Tensor) -> torch.Tensor:
            return self.forward(self.transposed(v)) if outputs <= inputs else self.transposed(self.forward(v))

        try:
            runs = [lanczos(square, random_signs(like, k), 1 if k else STEPS) for k in range(1 if n >= MANY else PROBES)]
        except (RuntimeError, NotImplementedError):
            trace = [float(self.transposed(random_signs(self._y.detach().flatten().float(), k)).square().sum()) for k in range(PROBES)]
            return float(np.mean(trace)) / n, None, None
        mean = float(np.mean([r.first for r in runs]))
        if not mean > 0.0:
            return max(mean, 0.0), None, 0.0
        second = float(np.mean([r.second for r in runs]))
        return mean, max(second / mean**2 - 1.0, 0.0), max(runs[0].top, 0.0) ** 0.5
