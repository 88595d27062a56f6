"""Weights that a module computes from what it stores: torch's parametrizations, and the hooks that came before them.

Such a weight is drawn like any other and set through the inverse of its computation: weight_norm then holds the drawn norms as well
as the directions. Spectral and orthogonal parametrizations divide the scale out again, whatever was drawn.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Any, Literal

import torch
from torch import nn
from torch.nn.utils import parametrize

from steadygrad.graph.wrappers import canonical
from steadygrad.randomness.structured import orthogonal

Nature = Literal["free", "fixed", "closed"]
HOOKS = {"WeightNorm": ("_g", "_v"), "SpectralNorm": ("_orig",)}
SCALELESS = ("_SpectralNorm", "_Orthogonal", "SpectralNorm")
ITERATIONS = 15  # of the power method, as many as torch's constructor takes


@dataclass(frozen=True)
class Parametrized:
    """One computed weight.

    Attributes:
        name: its path, as if nothing computed it: the numbers drawn for it are those of the plain model.
        owner, attribute: the module that has it, under this name.
        hook: torch's hook of the old kind; None for `torch.nn.utils.parametrize`.
        stored: names of the tensors that it is computed from.
    """

    name: str
    owner: nn.Module
    attribute: str
    hook: Any
    stored: tuple[str, ...]

    @property
    def steps(self) -> Any:
        """The `ParametrizationList`."""
        return self.owner.parametrizations[self.attribute]  # type: ignore[index,union-attr]

    @torch.no_grad()
    def value(self) -> torch.Tensor:
        """The weight as it is now."""
        if self.hook is None:
            return copy.deepcopy(self.steps)()  # type: ignore[no-any-return]  # power iterations go on in the copy
        if type(self.hook).__name__ == "WeightNorm":
            return self.hook.compute_weight(self.owner)  # type: ignore[no-any-return]
        return self.hook.compute_weight(self.owner, do_power_iteration=False)  # type: ignore[no-any-return]

    @torch.no_grad()
    def set_(self, value: torch.Tensor) -> None:
        """Store what makes this value, or the nearest that can be made; power iterations start over."""
        if self.hook is None:
            setattr(self.owner, self.attribute, value)
            _iterate(self.steps)
        elif type(self.hook).__name__ == "WeightNorm":
            getattr(self.owner, self.attribute + "_v").copy_(value)
            getattr(self.owner, self.attribute + "_g").copy_(torch.norm_except_dim(value, 2, self.hook.dim))
        else:
            getattr(self.owner, self.attribute + "_orig").copy_(value)
            for _ in range(ITERATIONS):
                self.hook.compute_weight(self.owner, do_power_iteration=True)

    def rms(self) -> float:
        """Root mean square of the weight as it is now; 1 on the meta device."""
        value = self.value()
        return 1.0 if value.is_meta else _rms(value)

    @torch.no_grad()
    def nature(self) -> Nature:
        """Whether it takes on the scale of what is set ("free"), divides it out ("fixed") or cannot be set ("closed"): tried on a copy.

        On the meta device, where nothing can be tried, torch's own kinds are known and others taken to be free.
        """
        kinds = [type(self.hook)] if self.hook is not None else [type(step) for step in self.steps]
        if self.hook is not None or any(tensor.is_meta for tensor in self.steps.parameters()):
            return "fixed" if any(kind.__name__ in SCALELESS for kind in kinds) else "free"
        trial = copy.deepcopy(self.steps)
        before = trial()
        try:
            trial.right_inverse(2.0 * before)
        except Exception:  # whatever somebody's right_inverse raises, it cannot be set
            return "closed"
        grown = _rms(trial()) / (_rms(before) or 1.0)
        return "fixed" if isfinite(grown) and abs(grown - 1.0) < 0.01 else "free"

    @torch.no_grad()
    def rms_when_fixed(self) -> float:
        """Root mean square of its entries once an orthogonal matrix was set, where the scale is divided out."""
        if self.hook is None and not any(tensor.is_meta for tensor in self.steps.parameters()):
            trial = copy.deepcopy(self.steps)
            like = trial()
            if like.ndim > 1:
                trial.right_inverse(nn.init.orthogonal_(torch.empty(like.shape), generator=torch.Generator()).to(like))
            _iterate(trial)
            return _rms(trial())
        shape = tuple(self.owner.get_parameter(self.attribute + "_orig").shape) if self.hook is not None else tuple(self.steps.original.shape)
        batched = self.hook is None and any(type(step).__name__ == "_Orthogonal" for step in self.steps)
        return orthogonal().rms(shape[-2:] if batched else shape)


def found(model: nn.Module) -> dict[str, Parametrized]:
    """Name of a stored tensor → the weight that is computed from it."""
    return {stored: weight for weight in _all(model) for stored in weight.stored}


def _all(model: nn.Module) -> Iterator[Parametrized]:
    for path, module in model.named_modules(remove_duplicate=False):
        start = f"{path}." if path else ""
        if parametrize.is_parametrized(module):
            for attribute, steps in module.parametrizations.items():  # type: ignore[union-attr,operator]
                originals = [name for name, _ in steps.named_parameters(recurse=False)]
                stored = tuple(canonical(f"{start}parametrizations.{attribute}.{name}") for name in originals)
                yield Parametrized(canonical(start + attribute), module, attribute, None, stored)
        for hook in module._forward_pre_hooks.values():
            ends = HOOKS.get(type(hook).__name__)
            if ends is not None and type(hook).__module__.startswith("torch.nn.utils."):
                attribute = hook.name  # type: ignore[union-attr]
                yield Parametrized(canonical(start + attribute), module, attribute, hook, tuple(canonical(start + attribute + end) for end in ends))


def _iterate(steps: nn.Module) -> None:
    """Let power methods find the singular vectors of the new weight: those of the old one would measure it wrong in eval mode."""
    for step in steps.children():
        if type(step).__name__ == "_SpectralNorm":
            training = step.training
            step.train()
            for _ in range(ITERATIONS):
                steps()
            step.train(training)


def _rms(tensor: torch.Tensor) -> float:
    return sqrt(tensor.abs().double().square().mean().item()) if tensor.numel() else 0.0
