"""`Base`: a healthy training, and the list of all of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from benchmarks.faulty_programs.data import Dataset
from benchmarks.faulty_programs.program import Setting
from torch import Tensor, nn

TASKS = ("classes", "binary", "values", "probabilities", "other")


@dataclass(frozen=True)
class Base:
    """One healthy training.

    Attributes:
        name: its id, which also decides its half.
        setting: model, data, loss, optimizer, rows of a batch, and the score.
        task: what the outputs are: scores of "classes", one "binary" logit, "values", "probabilities", or "other".
        floor: what a constant answer scores.
        steps: optimizer steps of a training run.
    """

    name: str
    setting: Setting
    task: str
    floor: float
    steps: int = 150

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"{self.name}: task must be one of {TASKS}, got {self.task!r}")

    def network(self, surgery: Callable[[nn.Module], nn.Module | None]) -> Setting:
        """The setting with a model that went through `surgery`, which works in place or returns another."""

        def made() -> nn.Module:
            model = self.setting.network()
            with torch.no_grad():
                return surgery(model) or model

        return replace(self.setting, network=made)

    def data(self, change: Callable[[Dataset], Dataset]) -> Setting:
        """The setting with other data."""
        return replace(self.setting, data=lambda seed: change(self.setting.data(seed)))

    def loss(self, loss: Callable[[Tensor, Tensor], Tensor]) -> Setting:
        """The setting with another loss."""
        return replace(self.setting, loss=loss)

    def optimizer(self, change: Callable[[torch.optim.Optimizer], object]) -> Setting:
        """The setting with an optimizer whose groups went through `change`."""
        healthy = self.setting.optimizer
        assert healthy is not None

        def made(model: nn.Module) -> torch.optim.Optimizer:
            optimizer = healthy(model)
            change(optimizer)
            return optimizer

        return replace(self.setting, optimizer=made)


BASES: dict[str, Base] = {}


def base(name: str, task: str, floor: float, steps: int = 150) -> Callable[[Callable[[], Setting]], Callable[[], Setting]]:
    """Decorator: the function's `Setting` becomes the base `name`."""

    def register(make: Callable[[], Setting]) -> Callable[[], Setting]:
        BASES[name] = Base(name, make(), task, floor, steps)
        return make

    return register
