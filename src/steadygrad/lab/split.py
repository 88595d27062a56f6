"""Training, validation and test parts, and batches that are a function of the step: a run that is resumed draws what it would have drawn."""

from dataclasses import dataclass, replace
from functools import lru_cache

import torch


@dataclass(frozen=True)
class Split:
    """Features as rows and labels, three parts. Rates and stopping are chosen on the validation part; the test part is looked at once."""

    train_x: torch.Tensor
    train_y: torch.Tensor
    validation_x: torch.Tensor
    validation_y: torch.Tensor
    test_x: torch.Tensor
    test_y: torch.Tensor

    @property
    def classes(self) -> int:
        """How many labels there are."""
        return int(self.train_y.max()) + 1

    def rows(self, step: int, batch: int, seed: int) -> torch.Tensor:
        """Indices of the samples of a step: every epoch a permutation, without the rest that fills no batch."""
        epoch, part = divmod(step, max(len(self.train_x) // batch, 1))
        return _order(len(self.train_x), epoch, seed)[part * batch : (part + 1) * batch]

    def scaled(self, factor: float) -> "Split":
        """Features times `factor`."""
        return replace(self, train_x=self.train_x * factor, validation_x=self.validation_x * factor, test_x=self.test_x * factor)

    def alignment(self) -> float:
        """ρ: largest eigenvalue of the matrix of samples' cosines over their number, from at most 2,000 training samples."""
        unit = torch.nn.functional.normalize(self.train_x[:2000].double(), dim=1)
        return float(torch.linalg.matrix_norm(unit, 2).square()) / len(unit)


def split(train_x: torch.Tensor, train_y: torch.Tensor, test_x: torch.Tensor, test_y: torch.Tensor, validation: float = 0.2) -> Split:
    """The last `validation` of the training part is held out; features are standardized over all training values, as one population."""
    first = round(len(train_x) * (1.0 - validation))
    mean, std = train_x[:first].mean(), train_x[:first].std()
    train_x, test_x = (train_x - mean) / std, (test_x - mean) / std
    return Split(train_x[:first], train_y[:first], train_x[first:], train_y[first:], test_x, test_y)


@lru_cache(maxsize=4)
def _order(count: int, epoch: int, seed: int) -> torch.Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed((seed << 20) + epoch))
