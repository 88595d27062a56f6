"""Singular values of a Jacobian: all of them as logarithms, or what random probes tell."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from steadygrad.errors import InputError
from steadygrad.measured.links import Link
from steadygrad.measured.log_product import LOG2, rescaled


@dataclass(frozen=True)
class SingularValues:
    """All singular values of a Jacobian (outputs, inputs): `logs` (min(outputs, inputs),), natural logarithms, float64, largest first."""

    logs: torch.Tensor
    outputs: int
    inputs: int

    @property
    def log_top(self) -> float:
        """Logarithm of the largest."""
        return float(self.logs[0])

    @property
    def log_mean_square(self) -> float:
        """Logarithm of the mean of s²."""
        return float(torch.logsumexp(2.0 * self.logs, 0)) - math.log(len(self.logs))

    @property
    def relative_variance(self) -> float:
        """Var(s²)/mean(s²)²: 0 is dynamical isometry; nan for a Jacobian of 0."""
        relative = (2.0 * self.logs - self.log_mean_square).exp()
        return float(relative.var(correction=0))

    @property
    def log_condition(self) -> float:
        """log(s_max/s_min)."""
        return float(self.logs[0] - self.logs[-1])

    @property
    def log_volume(self) -> float:
        """Σ log s, log|det J| of a square J; −∞ where a direction is lost."""
        return float(self.logs.sum())

    @property
    def effective_rank(self) -> float:
        """exp of the entropy of s/Σs: how many directions count (Roy & Vetterli 2007)."""
        share = torch.softmax(self.logs, 0)
        return float(torch.exp(-(torch.special.xlogy(share, share)).sum()))


@dataclass(frozen=True)
class Probed:
    """What probes tell of s². `log_mean_square` is unbiased before the log, `error` its standard error relative to the mean; `log_top` is a lower bound."""

    log_mean_square: float
    error: float
    log_top: float


def probed(layers: Sequence[Sequence[Link]], *, probes: int = 8, steps: int = 6, seed: int = 0) -> Probed:
    """The mean of s² and the largest s of a product of links, by products with vectors only.

    `probes` random-sign columns v give mean ‖Jv‖² (Hutchinson); the same block, multiplied by JᵀJ `steps` times, gives the largest
    Ritz value. After every layer the block is scaled by a power of two: nothing leaves the range.

    Raises:
        InputError: fewer than 2 probes, no step, or no link.
    """
    if probes < 2 or steps < 1 or not any(layers):
        raise InputError(f"`probes` must be at least 2, `steps` at least 1, and there must be a link, got {probes!r}, {steps!r} and {layers!r:.60}")
    first, last = next(iter(layers[0])), tuple(layers[-1])[-1]
    generator = torch.Generator().manual_seed(seed)
    like = first.backward(torch.zeros(first.outputs, 1, dtype=_dtype(first), device=_device(first)))
    signs = 2.0 * torch.randint(0, 2, (first.inputs, min(probes, first.inputs)), generator=generator) - 1.0
    v, least = signs.to(like), min(first.inputs, last.outputs)
    made, exponent = _through([list(layer) for layer in layers], v, lambda link, c: link.forward(c))
    squares = made.double().square().sum(0)
    mean, spread = float(squares.mean()), float(squares.std()) / math.sqrt(len(squares)) if len(squares) > 1 else 0.0
    if mean == 0.0:
        return Probed(-math.inf, 0.0, -math.inf)
    top = -math.inf
    backwards = [list(reversed(list(layer))) for layer in reversed(layers)]
    q = torch.linalg.qr(v.double()).Q.to(like)
    for k in range(steps):
        forth, up = _through([list(layer) for layer in layers], q, lambda link, c: link.forward(c))
        top = max(top, math.log(float(torch.linalg.matrix_norm(forth.double(), 2))) + up * LOG2)
        if k + 1 < steps:
            back, _ = _through(backwards, forth, lambda link, c: link.backward(c))
            q = torch.linalg.qr(back.double()).Q.to(like)
    return Probed(math.log(mean) + 2.0 * exponent * LOG2 - math.log(least), spread / mean, top)


def _through(layers: Sequence[Sequence[Link]], columns: torch.Tensor, apply: Callable[[Link, torch.Tensor], torch.Tensor]) -> tuple[torch.Tensor, int]:
    exponent = 0
    for layer in layers:
        for link in layer:
            columns = apply(link, columns)
        scaled = rescaled(columns, exponent)
        columns, exponent = scaled.mantissa, scaled.exponent
    return columns, exponent


def _tensor(link: Link) -> torch.Tensor:
    for name in ("slopes", "weight", "x"):
        found = getattr(link, name, None)
        if isinstance(found, torch.Tensor):
            return found
    return link.matrix()


def _dtype(link: Link) -> torch.dtype:
    return _tensor(link).dtype


def _device(link: Link) -> torch.device:
    return _tensor(link).device
