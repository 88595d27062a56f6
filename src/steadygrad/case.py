"""`Case`: one model with everything needed to judge it, as plain fields."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """What `check` is asked to look at; also what a TARGET factory may return.

    Fields:
        model: the `torch.nn.Module` (left exactly as it was).
        inputs: a tensor, a tuple (positional), a dict (keyword) or a batch object with `.keys()`; None where a
            shape is given on the command line instead.
        targets: what `loss_fn` receives as its second argument; None when the loss needs none.
        loss_fn: `loss_fn(outputs, targets) -> scalar tensor`; None when the model returns `.loss` itself, or when
            there is no loss (gradients are then probed with a fixed random cotangent).
        optimizer: the optimizer that will train the model; None leaves the optimizer rules out.
        generated: True when inputs were made up from a shape, so that nothing may be concluded about the data.
        name: how reports call the model; its class name when empty.

    Example:
        >>> Case(model=None, inputs=None).loss_fn is None
        True
    """

    model: Any
    inputs: Any = None
    targets: Any = None
    loss_fn: Callable[..., Any] | None = None
    optimizer: Any = None
    generated: bool = False
    name: str = ""
