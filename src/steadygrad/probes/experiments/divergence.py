"""A variational autoencoder's two terms, told by their gradients: does a code pay for itself in reconstruction?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch

from steadygrad.graph.nested import named_tensors
from steadygrad.probes.experiments.slopes import output_slopes
from steadygrad.probes.session import Session

Matrix = torch.Tensor
SAMPLES = 512
EXACT = 1e-4
"""Share of its largest entry by which a mean's gradient may differ from a multiple of the mean: that of β·½Σμ²/N is βμ/N to
rounding, that of a log-variance near 0, (eˡ − 1)·β/2N, is not, unless all of them are below 2e-4."""


@dataclass(frozen=True)
class Divergence:
    """Of one loss per sample, β·KL(N(μ, σ²) ‖ N(0, 1)) + κ/2·‖x̂ − x‖².

    Fields:
        weight: β, of each dimension of the code.
        precision: κ, by the gradient's component along x̂ − x.
        variance: λ₁, the largest eigenvalue of the covariance of x over the batch.
        codes: dimensions whose mean the divergence pulls at.
        entries: numbers in one x.
    """

    weight: float
    precision: float
    variance: float
    codes: int
    entries: int


class DivergenceExperiment:
    """One evaluation of the loss on the outputs as they are, detached, and its backward pass: the model does not run."""

    name: ClassVar[str] = "divergence"
    depths: ClassVar[tuple[str, ...]] = ("fast", "full")

    def applies(self, session: Session) -> bool:
        """With somebody's own data and loss, and outputs that have the sizes of the data, or of an input, and something besides."""
        traced = session.traced
        if traced is None or traced.failure or session.case.generated or session.case.loss_fn is None:
            return False
        outputs = [t for _, t in traced.output_tensors if t.ndim > 1 and t.is_floating_point()]
        return any(_beside(outputs, truth) for truth in _truths(session))

    def run(self, session: Session) -> Divergence | None:
        """None where the loss has no such two terms, or cannot be asked again."""
        try:
            slopes = output_slopes(session)
        except Exception:
            return None
        pairs = [(output, slope) for output, slope in slopes if slope is not None and output.ndim > 1]
        return next((both for truth in _truths(session) for both in _terms(pairs, truth)), None)


def _truths(session: Session) -> list[torch.Tensor]:
    """What may have been reconstructed."""
    given = (*named_tensors(session.case.targets, "targets"), *named_tensors(session.case.inputs, "inputs"))
    return [t for _, t in given if t.is_floating_point() and t.ndim > 1 and len(t) > 1]


def _beside(outputs: list[torch.Tensor], truth: torch.Tensor) -> bool:
    """Whether one output has the sizes of `truth`, or is a row that may begin with it, and a code of no more numbers than that is put out besides."""
    entries, of_batch = truth[0].numel(), [t for t in outputs if len(t) == len(truth)]
    whole = any(t[0].numel() == entries or (t.ndim == 2 and t.shape[1] > entries) for t in of_batch)
    return whole and entries < sum(t[0].numel() for t in of_batch) <= 2 * entries


def _terms(pairs: list[tuple[Matrix, Matrix]], truth: torch.Tensor) -> Iterator[Divergence]:
    """Both terms, where one output has the sizes of `truth` (or begins with it) and others are pulled at by the divergence."""
    samples, x = len(truth), truth.flatten(1).double()
    flat = [(y.flatten(1).double(), g.flatten(1).double()) for y, g in pairs if len(y) == samples]
    entries = x.shape[1]
    for place, (y, g) in enumerate(flat):
        if y.shape[1] < entries:
            continue
        rest = [(y[:, entries:], g[:, entries:]), *(flat[:place] + flat[place + 1 :])]
        pulls = torch.cat([_pulls(mean, slope) for mean, slope in rest])
        others = sum(_spreads(values, slope) for values, slope in rest) - len(pulls)
        precision = _precision(y[:, :entries], g[:, :entries], x)
        if len(pulls) and others >= len(pulls) and precision is not None:
            yield Divergence(float(pulls.median()) * samples, precision * samples, _largest(x[:SAMPLES]), len(pulls), entries)


def _pulls(values: Matrix, slopes: Matrix) -> torch.Tensor:
    """Of the columns whose gradient is a multiple of themselves: the multiple, if it is the same in all of them."""
    ratios = (values * slopes).sum(0) / (values * values).sum(0).clamp_min(torch.finfo(values.dtype).tiny)
    off = (slopes - ratios * values).abs().amax(0)
    ratios = ratios[(ratios > 0.0) & (off < EXACT * slopes.abs().amax(0))]
    return ratios[(ratios / ratios.median() - 1.0).abs() < 0.01] if len(ratios) else ratios


def _spreads(values: Matrix, slopes: Matrix) -> int:
    """How many columns the loss reads, or would if they were not where the divergence is least: log σ² = 0, or σ = 1."""
    still = (values == 0.0).all(0) | (values == 1.0).all(0)
    return int(((slopes != 0.0).any(0) | still).sum())


def _precision(y: Matrix, slopes: Matrix, x: Matrix) -> float | None:
    """κ/N, of the answers or of their sigmoids, whichever the gradient is nearer to; None where it is near to neither (an absolute error)."""
    best: tuple[float, float] | None = None
    for made, inner in READINGS:
        answer, slope = made(y), slopes / inner(y)
        off = answer - x
        along, size = float((slope * off).sum()), float((off * off).sum())
        cosine = along / (float(slope.norm()) * size**0.5) if size > 0.0 and along > 0.0 else 0.0
        if cosine > 0.8 and (best is None or cosine > best[0]):
            best = cosine, along / size
    return None if best is None else best[1]


READINGS: tuple[tuple[Callable[[Matrix], Matrix], Callable[[Matrix], Matrix]], ...] = (
    (lambda y: y, torch.ones_like),
    (torch.sigmoid, lambda y: (torch.sigmoid(y) * torch.sigmoid(-y)).clamp_min(1e-6)),
)
"""What an output stands for, and the derivative of that: itself, or a logit."""


def _largest(x: Matrix) -> float:
    """The largest eigenvalue of the covariance, by the samples' products where they are fewer than the entries."""
    centred = x - x.mean(0)
    products = centred @ centred.T if len(x) <= x.shape[1] else centred.T @ centred
    return float(torch.linalg.eigvalsh(products)[-1]) / (len(x) - 1)
