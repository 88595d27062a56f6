"""`Program`: a training program and its healthy counterpart, with what is wrong with it and where."""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

import torch
from benchmarks.faulty_programs.data import Dataset
from benchmarks.faulty_programs.facts import facts_of
from benchmarks.faulty_programs.split import half_of
from torch import Tensor, nn
from torch.optim import Optimizer

from steadygrad.case import Case

FAMILIES = (
    "input_scale", "target_scale", "init_scale", "symmetry", "saturating_activation", "dead_units",
    "missing_nonlinearity", "loss_pairing", "wrong_loss", "output_range", "output_constant", "labels", "lr_high",
    "lr_low", "optimizer", "normalization", "exploding_activation", "gradient_sign", "numeric_log", "architecture",
    "frozen", "dropout", "data_balance", "none_visible",
)  # fmt: skip
PLACES = ("inputs", "targets", "loss", "optimizer")  # where a fault can start outside the model


@dataclass(frozen=True)
class Cause:
    """One accepted name for the fault.

    Attributes:
        family: one of `FAMILIES`.
        starts: module paths or `PLACES` at which it starts, the plainest first; empty when it starts nowhere.
        carriers: glob patterns of every module that carries the same fault, for the lenient count.
    """

    family: str
    starts: tuple[str, ...] = ()
    carriers: tuple[str, ...] = ()

    def starts_at(self, where: str) -> bool:
        return any(related(where, start) for start in self.starts)

    def carried_by(self, where: str) -> bool:
        return self.starts_at(where) or any(fnmatchcase(where, pattern) for pattern in self.carriers)


def related(where: str, start: str) -> bool:
    """True when one path is the other or lies inside it."""
    return where == start or where.startswith(start + ".") or (where != "" and start.startswith(where + "."))


def accuracy_of_scores(outputs: Tensor, truth: Tensor) -> float:
    return (outputs.argmax(-1) == truth).double().mean().item()


def accuracy_of_probabilities(outputs: Tensor, truth: Tensor) -> float:
    return ((outputs > 0.5) == (truth > 0.5)).double().mean().item()


def accuracy_of_logits(outputs: Tensor, truth: Tensor) -> float:
    return ((outputs > 0) == (truth > 0.5)).double().mean().item()


def r_squared(outputs: Tensor, truth: Tensor) -> float:
    """1 − residual / total sum of squares; 0 is what the mean scores."""
    residual = (outputs - truth).double().square().sum()
    return (1 - residual / (truth - truth.mean(0)).double().square().sum()).item()


@dataclass(frozen=True, eq=False)
class Setting:
    """Everything a training run needs, as factories.

    Attributes:
        network: makes the model.
        data: seed → `Dataset`, rows already shuffled.
        loss: `loss(outputs, targets) -> scalar`.
        optimizer: model → optimizer; None when the record has none.
        batch: rows of one batch.
        judge: (outputs in evaluation mode, truth) → a score that grows with quality.
    """

    network: Callable[[], nn.Module]
    data: Callable[[int], Dataset]
    loss: Callable[[Tensor, Tensor], Tensor]
    optimizer: Callable[[nn.Module], Optimizer] | None
    batch: int
    judge: Callable[[Tensor, Tensor], float] = accuracy_of_scores

    def case(self, seed: int, name: str = "") -> Case:
        """Model, first batch, loss and optimizer; the same seed gives the same bits and leaves no trace."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = self.network()
        data = self.data(seed)
        optimizer = None if self.optimizer is None else self.optimizer(model)
        return Case(model, data.inputs[: self.batch], data.targets[: self.batch], self.loss, optimizer, name=name)


@dataclass(frozen=True, eq=False)
class Program:
    """One record, rebuilt.

    Attributes:
        id: the record's id.
        faulty: the program as recorded (of a healthy record: the healthy program).
        counterpart: the same with the fault repaired; None for healthy records.
        causes: accepted causes, the primary first; empty for healthy records.
        steps: optimizer steps of a reproduction run.
    """

    id: str
    faulty: Setting
    counterpart: Setting | None = None
    causes: tuple[Cause, ...] = ()
    steps: int = 200

    def __post_init__(self) -> None:
        if bool(self.causes) != (self.counterpart is not None):
            raise ValueError(f"{self.id}: causes and a counterpart come together, got {self.causes!r}")
        unknown = [cause.family for cause in self.causes if cause.family not in FAMILIES]
        if unknown:
            raise ValueError(f"{self.id}: unknown families {unknown}; choose from {FAMILIES}")

    @property
    def healthy(self) -> bool:
        return not self.causes

    @property
    def half(self) -> str:
        return half_of(self.id)

    @cached_property
    def facts(self) -> dict[str, str]:
        return facts_of(self.id)

    @property
    def reason(self) -> str:
        """What is wrong, in words."""
        return self.facts["fault"]

    def build(self, seed: int = 0) -> Case:
        """The program at step 0."""
        return self.faulty.case(seed, self.id)

    def fixed(self, seed: int = 0) -> Case:
        """Its healthy counterpart at step 0."""
        if self.counterpart is None:
            raise ValueError(f"{self.id} is healthy and has no counterpart; use build()")
        return self.counterpart.case(seed, f"{self.id} (fixed)")
