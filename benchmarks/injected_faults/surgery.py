"""Finding and changing parts of a model, whatever its kind."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

ACTIVATIONS = (nn.ReLU, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Tanh)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm)
AFFINE = (nn.Linear, nn.Conv1d, nn.Conv2d)


def of_kind(model: nn.Module, kinds: tuple[type[nn.Module], ...]) -> list[tuple[str, nn.Module]]:
    """(path, module) in the order of registration, which in these models is the order of execution."""
    return [(path, module) for path, module in model.named_modules() if isinstance(module, kinds)]


def affine(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Linear layers and convolutions, without the projection that attention calls as a function."""
    return [(path, m) for path, m in of_kind(model, AFFINE) if not path.endswith("out_proj")]


def matrices(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """(path of the owner, weight) of every parameter with two or more axes that is no table of embeddings."""
    for path, module in model.named_modules():
        if not isinstance(module, nn.Embedding):
            yield from ((path, p) for p in module.parameters(recurse=False) if p.dim() > 1)


def replace_each(model: nn.Module, paths: list[str], make: Callable[[nn.Module], nn.Module]) -> None:
    for path in paths:
        model.set_submodule(path, make(model.get_submodule(path)))


class Behind(nn.Module):
    """A module, and a function on what it returns."""

    def __init__(self, module: nn.Module, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.module, self.function = module, function

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(self.module(*inputs))


def headed(model: nn.Module, last: nn.Module) -> nn.Module:
    """The model with one more module at its end: its paths are "body" and "last"."""

    class Headed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.last = model, last

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.body(x))

    return Headed()


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
