"""The Jacobian of one op at one place: a diagonal, a weight matrix, or whatever autograd gives."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch

from steadygrad.errors import ModelError

AT_ONCE = 256
WRITTEN_OUT = 1 << 24
"""Entries up to which a Jacobian is written out where products with it cannot be had otherwise."""


class Link(Protocol):
    """A linear map (outputs, inputs); vectors are columns of (inputs, k) and (outputs, k)."""

    @property
    def outputs(self) -> int:
        """Rows."""
        ...

    @property
    def inputs(self) -> int:
        """Columns."""
        ...

    def matrix(self) -> torch.Tensor:
        """(outputs, inputs)."""
        ...

    def forward(self, v: torch.Tensor) -> torch.Tensor:
        """J·v."""
        ...

    def backward(self, u: torch.Tensor) -> torch.Tensor:
        """Jᵀ·u."""
        ...

    def after(self, matrix: torch.Tensor) -> torch.Tensor:
        """J·matrix, as `forward`; a diagonal does not become a matrix for it."""
        ...


@dataclass(frozen=True)
class Diagonal:
    """φ′ of an elementwise op."""

    slopes: torch.Tensor

    @property
    def outputs(self) -> int:
        """Rows."""
        return len(self.slopes)

    inputs = outputs

    def matrix(self) -> torch.Tensor:
        """diag(φ′)."""
        return torch.diag(self.slopes)

    def forward(self, v: torch.Tensor) -> torch.Tensor:
        """φ′ ⊙ v."""
        return self.slopes[:, None] * v

    backward = after = forward


@dataclass(frozen=True)
class Matrix:
    """A weight (outputs, inputs); `parameter` is its name."""

    weight: torch.Tensor
    parameter: str = ""

    @property
    def outputs(self) -> int:
        """Rows."""
        return self.weight.shape[0]

    @property
    def inputs(self) -> int:
        """Columns."""
        return self.weight.shape[1]

    def matrix(self) -> torch.Tensor:
        """The weight itself."""
        return self.weight

    def forward(self, v: torch.Tensor) -> torch.Tensor:
        """W·v."""
        return self.weight @ v

    def backward(self, u: torch.Tensor) -> torch.Tensor:
        """Wᵀ·u."""
        return self.weight.T @ u

    after = forward


@dataclass(frozen=True)
class Live:
    """∂y/∂x of two live tensors, of one sample's entries where `sample` is given. Jᵀu is a backward pass, Jv the derivative of Jᵀu along v.

    Source: Townsend 2017, "A new trick for calculating Jacobian vector products". Through an op without a second derivative (hardsigmoid)
    Jv goes by way of the written-out matrix.
    """

    x: torch.Tensor
    y: torch.Tensor
    sample: int | None = None

    @property
    def outputs(self) -> int:
        """Rows."""
        return self._part(self.y).numel()

    @property
    def inputs(self) -> int:
        """Columns."""
        return self._part(self.x).numel()

    def matrix(self) -> torch.Tensor:
        """All rows by batched backward passes, kept."""
        return self._matrix

    @cached_property
    def _matrix(self) -> torch.Tensor:
        eye = torch.eye(self.outputs, dtype=self.y.dtype, device=self.y.device)
        return self._backward(eye).T

    def forward(self, v: torch.Tensor) -> torch.Tensor:
        """J·v."""
        if "_matrix" in self.__dict__:
            return self._matrix @ v
        with torch.enable_grad():
            u = torch.zeros_like(self.y, requires_grad=True)
            (z,) = torch.autograd.grad(self.y, self.x, u, create_graph=True)
        if not z.requires_grad:
            return self._part(self.y).new_zeros(self.outputs, v.shape[1])
        try:
            return self._columns(z, u, v)
        except (RuntimeError, NotImplementedError) as error:
            if self.outputs * self.inputs > WRITTEN_OUT:
                raise ModelError(f"an op has no second derivative ({str(error).splitlines()[0]}), and a Jacobian of {self.outputs} × {self.inputs} is too "
                    "large to write out instead: take a smaller input") from error  # fmt: skip
            return self._matrix @ v

    def backward(self, u: torch.Tensor) -> torch.Tensor:
        """Jᵀ·u."""
        return self._matrix.T @ u if "_matrix" in self.__dict__ else self._backward(u)

    after = forward

    def _backward(self, u: torch.Tensor) -> torch.Tensor:
        return self._columns(self.y, self.x, u)

    def _columns(self, of: torch.Tensor, at: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        """(∂of/∂at)ᵀ times each column, the column standing at the sample's entries."""
        made = []
        for some in columns.T.split(AT_ONCE):
            cotangents = of.new_zeros(len(some), *of.shape)
            place = cotangents if self.sample is None else cotangents[:, self.sample]
            place.copy_(some.view_as(place))
            try:
                (got,) = torch.autograd.grad(of, at, cotangents, retain_graph=True, is_grads_batched=True)
            except RuntimeError:  # an op that cannot be batched
                got = torch.stack([torch.autograd.grad(of, at, c, retain_graph=True)[0] for c in cotangents])
            made.append((got if self.sample is None else got[:, self.sample]).flatten(1).detach())
        return torch.cat(made).T

    def _part(self, tensor: torch.Tensor) -> torch.Tensor:
        return (tensor if self.sample is None else tensor[self.sample]).detach()
