"""The one owner of disturbance: what runs inside `transaction` leaves no trace, bit for bit, whatever happens.

Put back: parameter values, identity, sharing, flags and gradients; buffers, also replaced, added or removed ones;
training flags; hooks; attributes that modules keep; the optimizer's groups and state; inputs; random number generators
of torch (all devices), NumPy and Python; grad mode, autocast, anomaly mode, default dtype, determinism and backend flags.

Not put back, because they cannot be: files, closures and globals of the user's code, an iterator's position, objects
nested deeper than one container inside a module's attribute, writes to a weight from TorchScript, C++ or a NumPy view
(the first two are found by version and reported).

Memory: buffers and optimizer state are copied; weights and inputs only when an op is about to write to them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from steadygrad.errors import InputError, RestoreError
from steadygrad.graph import ambient_state
from steadygrad.graph.module_state import ModuleState
from steadygrad.graph.nested import named_tensors
from steadygrad.graph.optimizer_state import OptimizerState
from steadygrad.graph.preflight import inspect_model
from steadygrad.graph.sharded import like
from steadygrad.graph.storage import numbers, replaceable
from steadygrad.graph.write_guard import WriteGuard


class Transaction:
    """What the body of `with transaction(...) as t` may ask for."""

    def __init__(self, model: nn.Module, optimizer: Any, extra: Any, loss_fn: Any) -> None:
        self.guard = WriteGuard()
        self._exits: list[Callable[[], None]] = []
        self._ambient = ambient_state.snapshot()
        modules = [model, *([loss_fn] if isinstance(loss_fn, nn.Module) else [])]
        self._modules = [ModuleState(module) for module in modules]
        self._optimizer = OptimizerState(optimizer) if optimizer is not None else None
        self._parameters = _distinct(p for module in modules for p in module.parameters())
        held = [p for group in optimizer.param_groups for p in group["params"]] if optimizer is not None else []
        self._parameters = _distinct([*self._parameters, *held])
        self._inputs = _distinct(t for _, t in named_tensors(extra))
        self._leaves = [_Leaf(t) for t in (*self._parameters, *self._inputs)]
        self.guard.protect(leaf.alias for leaf in self._leaves)
        self.guard.protect(leaf.grad for leaf in self._leaves if leaf.grad is not None and not leaf.grad.is_sparse)

    def on_exit(self, action: Callable[[], None]) -> None:
        """Run `action` first when the transaction ends, last registered first."""
        self._exits.append(action)

    def will_change_parameters(self) -> None:
        """Copy weights, gradients and optimizer state now; say so before an optimizer step."""
        self.guard.copy_now(leaf.alias for leaf in self._leaves)
        self.guard.copy_now(leaf.grad for leaf in self._leaves if leaf.grad is not None and not leaf.grad.is_sparse)
        if self._optimizer is not None:
            self._optimizer.copy()

    def original(self, tensor: torch.Tensor) -> torch.Tensor:
        """A weight or input as it was: the copy where one was made, else the tensor itself."""
        leaf = next(leaf for leaf in self._leaves if leaf.tensor is tensor)
        entry = self.guard.copies.get(id(leaf.alias))
        return like(tensor, leaf.alias if entry is None else entry[1])

    def undo_step(self) -> None:
        """Put weights, inputs, gradients and the optimizer back; the transaction goes on."""
        with torch.no_grad():
            for leaf in self._leaves:
                leaf.restore_identity()
            for owner, copy in self.guard.copies.values():
                owner.copy_(copy)
            if self._optimizer is not None:
                self._optimizer.restore()

    def undo_modules(self) -> None:
        """Put buffers, flags, hooks and attributes of all modules back; the transaction goes on."""
        with torch.no_grad():
            for module in self._modules:
                module.restore()

    def _restore(self) -> None:
        self.undo_modules()
        self.undo_step()

    def close(self) -> None:
        """End: exit actions, restoration, then verification.

        Raises:
            RestoreError: a weight was written where no copy could be made first; names it.
        """
        try:
            for action in reversed(self._exits):
                action()
        finally:
            self._restore()
            for action in self._ambient:
                action()
        lost = [leaf for leaf in self._leaves if leaf.was_written() and id(leaf.alias) not in self.guard.copies]
        if lost:
            shape = tuple(lost[0].tensor.shape)
            raise RestoreError(
                f"{len(lost)} tensors were overwritten out of sight (TorchScript or C++), the first of shape {shape}; "
                "their old values are lost. Reload the weights, or check a copy: check(copy.deepcopy(model), …)"
            )


class _Leaf:
    """One parameter or input: its storage, flags and gradient as they were."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor
        self.alias = numbers(tensor)
        self.grad = tensor.grad if tensor.is_leaf else None
        self.requires_grad = tensor.requires_grad
        self._leaf = tensor.is_leaf
        self._copy = None if replaceable(tensor) else tensor.detach().clone()  # in-place ops give such tensors new values to hold
        self._version = self.alias._version if not tensor.is_inference() else 0

    def was_written(self) -> bool:
        """Whether the version counter moved although nothing was restored."""
        return not self.tensor.is_inference() and self.alias._version != self._version

    def restore_identity(self) -> None:
        """Storage, requires_grad and gradient object."""
        if not self._leaf:
            return
        held = numbers(self.tensor)
        if self._copy is not None:
            if held.data_ptr() != self.alias.data_ptr() or self.alias._version != self._version:
                self.tensor.copy_(self._copy)
        elif held.data_ptr() != self.alias.data_ptr() or held.shape != self.alias.shape:
            self.tensor.data = like(self.tensor, self.alias)
        if self.tensor.requires_grad != self.requires_grad:
            self.tensor.requires_grad_(self.requires_grad)
        if self.tensor.grad is not self.grad:
            self.tensor.grad = self.grad


def _distinct(tensors: Any) -> list[torch.Tensor]:
    return list({id(t): t for t in tensors}.values())


@contextmanager
def transaction(
    model: nn.Module, *, optimizer: Any = None, inputs: Any = None, targets: Any = None, loss_fn: Any = None
) -> Iterator[Transaction]:
    """Run the body with gradients enabled, then put everything back, also on errors and Ctrl-C.

    Raises:
        InputError: `model` is no module, or called under `torch.inference_mode()`.
        RestoreError: see `Transaction.close`.

    Example:
        >>> net = nn.Linear(2, 2)
        >>> with transaction(net):
        ...     _ = net.weight.data.zero_()
        >>> bool(net.weight.any())
        True
    """
    inspect_model(model)
    if torch.is_inference_mode_enabled():
        raise InputError("`check` cannot run under torch.inference_mode() (enabled: True): it needs gradients; leave that block first")
    held = Transaction(model, optimizer, (inputs, targets), loss_fn)
    try:
        torch.set_grad_enabled(True)
        with held.guard:
            yield held
    finally:
        held.close()
