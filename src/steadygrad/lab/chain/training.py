"""Train a chain under a fixed orthonormal readout, so that all learning is in the deep stack; whatever was reached survives a kill."""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch

from steadygrad.lab.chain.chain import Chain
from steadygrad.lab.checkpoint import Checkpoint
from steadygrad.lab.plain import gaussian
from steadygrad.lab.split import Split

DRAWN_AT_ONCE = 4096


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run. `rate` is that of the weights, biases get `bias_rate_ratio` times it; q is the inputs' second moment."""

    layers: int
    width: int
    q: float
    batch: int
    steps: int
    rate: float
    momentum: float = 0.9
    readout_gain: float = 0.5
    bias_rate_ratio: float = 0.0
    compensated: bool = False
    every: int = 10
    seed: int = 0


class Mark(NamedTuple):
    """A look during training: steps done, mean loss since the last look, validation accuracy, first over last layer's gradient norm, q_L/q_0."""

    step: int
    loss: float
    validation: float
    first_to_last: float
    length: float


def critical_gain(q: float) -> float:
    """σ_w at which tanh keeps second moment q of pre-activations: 1/σ_w² = E[tanh²(√q·z)]/q = 1 − 2q + 17q²/3 − 62q³/3 + …"""
    return math.sqrt(1.0 / (1.0 - 2.0 * q + 17.0 / 3.0 * q * q))


def orthogonal_stack(layers: int, width: int, gain: float, seed: int) -> torch.Tensor:
    """(layers, width, width) Haar-orthogonal matrices times `gain`: Q of Gaussian draws, columns signed by R's diagonal."""
    out = torch.empty(layers, width, width)
    for first in range(0, layers, DRAWN_AT_ONCE):
        count = min(DRAWN_AT_ONCE, layers - first)
        q, r = torch.linalg.qr(gaussian(count, width, width, name=f"weights.{first}", seed=seed, dtype=torch.float32))
        out[first : first + count] = q * (gain * r.diagonal(dim1=1, dim2=2).sign()).unsqueeze(1)
    return out


class Run:
    """One training, at step `len(losses)`; `marks` are the looks so far.

    Args:
        recipe: what to run.
        data: standardized features of `recipe.width` columns; scaled by √q here.
        keep: a folder for checkpoints; a run of the same recipe goes on from there.
    """

    def __init__(self, recipe: Recipe, data: Split, keep: Path | None = None) -> None:
        self.recipe, self.data, self.scale = recipe, data, math.sqrt(recipe.q)
        weights = orthogonal_stack(recipe.layers, recipe.width, critical_gain(recipe.q), recipe.seed)
        biases = torch.zeros(recipe.layers, recipe.width)
        self.chain = Chain(weights, biases, recipe.batch, compensated=recipe.compensated, threads=torch.get_num_threads())
        square = torch.linalg.qr(gaussian(recipe.width, recipe.width, name="readout", seed=recipe.seed, dtype=torch.float32)).Q
        self.readout = square[: data.classes] * (recipe.readout_gain / self.scale)
        self.losses: list[float] = []
        self.marks: list[Mark] = []
        self._checkpoint = Checkpoint(keep, _digest(recipe))
        self._resume()

    @property
    def stable(self) -> bool:
        """Whether every loss so far is finite."""
        return all(map(math.isfinite, self.losses[-1:]))

    def train(self, progress: Callable[[int, int], None] = lambda done, of: None) -> list[Mark]:
        """Go on to the last step, or to a loss that is not finite."""
        recipe = self.recipe
        while len(self.losses) < recipe.steps and self.stable:
            self._step()
            if len(self.losses) % recipe.every == 0 or len(self.losses) == recipe.steps:
                self.marks.append(self._look())
                if self._checkpoint.due:
                    self._checkpoint.save({**self._tensors(), **self._history()})
            progress(len(self.losses), recipe.steps)
        return self.marks

    @torch.no_grad()
    def accuracy(self, x: torch.Tensor, y: torch.Tensor) -> float:
        """Share of x, standardized, whose largest logit is at its label."""
        right = sum(int((self._logits(a).argmax(1) == b).sum()) for a, b in zip(x.split(self.recipe.batch), y.split(self.recipe.batch), strict=True))
        return right / len(x)

    def _logits(self, x: torch.Tensor) -> torch.Tensor:
        return self.chain.forward(x * self.scale) @ self.readout.T

    @torch.no_grad()
    def _step(self) -> None:
        recipe = self.recipe
        rows = self.data.rows(len(self.losses), recipe.batch, recipe.seed)
        target = self.data.train_y[rows]
        log_p = self._logits(self.data.train_x[rows]).log_softmax(1)
        self.losses.append(float(torch.nn.functional.nll_loss(log_p, target)))
        if self.stable:
            error = (log_p.exp() - torch.nn.functional.one_hot(target, self.data.classes)) / recipe.batch
            self.chain.step(error @ self.readout, recipe.rate, recipe.rate * recipe.bias_rate_ratio, recipe.momentum)

    def _look(self) -> Mark:
        since = self.losses[self.marks[-1].step if self.marks else 0 :]
        norms = self.chain.squares.sqrt()
        validation = self.accuracy(self.data.validation_x, self.data.validation_y)
        length = float(self.chain.signals[-1].square().mean() / self.chain.signals[0].square().mean())
        return Mark(len(self.losses), math.fsum(since) / len(since), validation, float(norms[0] / norms[-1]), length)

    def _tensors(self) -> dict[str, torch.Tensor]:
        chain = self.chain
        kept = {"weights": chain.weights, "biases": chain.biases, "momenta": chain.momenta, "bias_momenta": chain.bias_momenta}
        return kept if chain.rests is None else {**kept, "rests": chain.rests}

    def _history(self) -> dict[str, torch.Tensor]:
        return {"losses": torch.tensor(self.losses, dtype=torch.float64), "marks": torch.tensor(self.marks, dtype=torch.float64)}

    def _resume(self) -> None:
        with self._checkpoint.kept() as file:
            if file is None:
                return
            for name, tensor in self._tensors().items():
                tensor.copy_(file.get_tensor(name))
            self.losses = file.get_tensor("losses").tolist()
            self.marks = [Mark(int(m[0]), *m[1:]) for m in file.get_tensor("marks").tolist()]


def _digest(recipe: Recipe) -> str:
    return hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode()).hexdigest()
