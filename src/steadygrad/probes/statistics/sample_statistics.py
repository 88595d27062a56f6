"""How alike the samples of a batch are: the spread of their norms and their pairwise cosines."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch

from steadygrad.probes.statistics import source
from steadygrad.probes.statistics.record import Record

SAMPLES = 16
"""Cosines are taken between at most this many samples, evenly spaced over the batch."""
FEATURES = 1 << 16
"""… and over at most this many features, evenly spaced."""


@dataclass(frozen=True, eq=False)
class SampleStatistics(Record):
    """Geometry of a batch of samples.

    Fields:
        count: samples in the batch; features: entries per sample.
        square: float64 array (count,), Σ x² per sample over its finite entries.
        compared: samples the cosines were taken between (<= 16, non-zero and finite ones only).
        cosine: mean cosine over all pairs of them, c = ⟨x, y⟩ / (‖x‖ ‖y‖); None with fewer than two.
        least_cosine, greatest_cosine: the smallest and the largest of these cosines.
        centred_cosine: the mean *absolute* cosine after the mean sample was subtracted; None with fewer than three.
            The plain mean would say nothing: centring forces it to about −1/(m − 1).
        effective_rank: exp of the entropy of the normalised eigenvalues of the Gram matrix, 1 … m
            (Roy & Vetterli 2007, with eigenvalues of X Xᵀ); 1 when all samples point the same way.
    """

    count: int
    features: int
    square: np.ndarray = field(repr=False)
    compared: int
    cosine: float | None
    least_cosine: float | None
    greatest_cosine: float | None
    centred_cosine: float | None
    effective_rank: float | None

    derived: ClassVar[tuple[str, ...]] = ("norm_spread", "mean_norm")

    @property
    def norms(self) -> np.ndarray:
        """‖x‖ per sample."""
        return np.sqrt(self.square)

    @property
    def mean_norm(self) -> float:
        """Mean of ‖x‖ over the samples; nan for an empty batch."""
        return float(self.norms.mean()) if self.count else float("nan")

    @property
    def norm_spread(self) -> float:
        """Largest over smallest ‖x‖; inf when a sample is zero and another is not, 1 when all are zero or none is."""
        if not self.count or not self.square.max() > 0:
            return 1.0
        least = self.norms.min()
        return float(self.norms.max() / least) if least > 0 else float("inf")


def _spaced(length: int, most: int) -> slice:
    return slice(None, None, max(1, -(-length // most)))


def products(batch: torch.Tensor) -> torch.Tensor:
    """X Xᵀ of at most 16 evenly spaced samples over at most 65,536 features, on the tensor's device.

    Computed in float64 (float32 on mps), where squares of float32, float16 and bfloat16 values neither overflow nor vanish.
    """
    picked = batch.detach()
    if len(picked) > SAMPLES:
        picked = picked[_spaced(len(picked), SAMPLES)]
    picked = picked.reshape(len(picked), -1)
    if picked.shape[1] > FEATURES:
        picked = picked[:, _spaced(picked.shape[1], FEATURES)]
    wide = picked.to(torch.float32 if batch.device.type == "mps" else torch.float64)
    return wide @ wide.T


def gram(products: torch.Tensor) -> np.ndarray:
    """The same of samples scaled to length 1; zero and non-finite ones left out."""
    whole = products.cpu().numpy().astype(np.float64)
    norms = np.sqrt(np.diag(whole))
    usable = np.isfinite(norms) & (norms > 0)
    if not usable.all():
        whole, norms = whole[np.ix_(usable, usable)], norms[usable]
    return whole / (norms[:, None] * norms)


@lru_cache(maxsize=SAMPLES + 1)
def _pairs(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of every pair."""
    return np.triu_indices(size, 1)


def geometry(gram: np.ndarray) -> tuple[int, float | None, float | None, float | None, float | None, float | None]:
    """The fields of `SampleStatistics` from `compared` on, from a Gram matrix of unit vectors."""
    size = len(gram)
    if size < 2:
        return size, None, None, None, None, float(size) or None
    pairs = _pairs(size)
    cosines = np.clip(gram[pairs], -1.0, 1.0)
    eigenvalues = np.linalg.eigvalsh(gram).clip(0.0)
    shares = eigenvalues[eigenvalues > 0] / eigenvalues.sum()
    rank = float(np.exp(-(shares * np.log(shares)).sum()))
    extremes = float(cosines.mean()), float(cosines.min()), float(cosines.max())
    return size, *extremes, _centred(gram, pairs), rank


def _centred(gram: np.ndarray, pairs: tuple[np.ndarray, np.ndarray]) -> float | None:
    size = len(gram)
    if size < 3:
        return None
    inner = gram - gram.mean(0)
    inner = inner - inner.mean(1)[:, None]
    norms = np.sqrt(np.diag(inner).clip(0.0))
    if norms.min() <= 1e-7:  # rounding of the unit-scaled Gram matrix is ~1e-16 = (1e-8)²: nothing is left to compare
        return None
    return float(np.abs(inner / np.outer(norms, norms))[pairs].mean())


def samples(tensor: torch.Tensor) -> SampleStatistics:
    """`SampleStatistics` of `tensor`, (samples, features …).

    Norms are of every sample and feature; cosines between at most 16 samples over at most 65,536 features, evenly
    spaced, each sample scaled to length 1 before centring.

    Raises:
        InputError: not a tensor, without values, or without axes.
    """
    source.axis_of(tensor, 0, "samples")
    return decoded(taken(source.reader(tensor)))


def taken(reader: source.Reader) -> tuple[int, int, np.ndarray, torch.Tensor | None]:
    """What has to be read while the tensor is there: samples, entries of each, their squares, their products."""
    count, size = len(reader.tensor), reader.tensor.numel() // max(len(reader.tensor), 1)
    return count, size, reader.squares(), products(reader.tensor) if size and count else None


def decoded(found: tuple[int, int, np.ndarray, torch.Tensor | None]) -> SampleStatistics:
    """The record of it."""
    count, size, square, inner = found
    return SampleStatistics(count, size, square, *geometry(np.zeros((0, 0)) if inner is None else gram(inner)))
