"""Every elementwise activation as a function with its derivative, under the name PyTorch gives it.

>>> get("relu").phi([-1.0, 2.0]).tolist()
[0.0, 2.0]
>>> get("leaky_relu", negative_slope=0.2).derivative(-3.0).item()
0.2
"""

import difflib
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np

from steadygrad.errors import InputError, TargetError
from steadygrad.theory.activation import Activation, centred
from steadygrad.theory.activations import elementary, exponential, gated, piecewise, sigmoidal
from steadygrad.theory.activations.custom import from_callable

MAKERS: dict[str, Callable[..., Activation]] = {
    **piecewise.MAKERS,
    **exponential.MAKERS,
    **gated.MAKERS,
    **sigmoidal.MAKERS,
    **elementary.MAKERS,
}
ALIASES = {"linear": "identity", "swish": "silu", "hard_tanh": "hardtanh", "log_sigmoid": "logsigmoid"}
NOT_ELEMENTWISE = {
    "glu": "theory.gated_units", "softmax": "theory.transformer.attention_branch", "log_softmax": "a loss", "softmin": "a softmax",
}  # fmt: skip

__all__ = ["ALIASES", "MAKERS", "Activation", "centred", "from_callable", "get"]


def get(name: str, **parameters: float | str) -> Activation:
    """The activation PyTorch calls `name`, with PyTorch's parameters and defaults; the same object for the same call.

    "linear" means "identity" and "swish" means "silu".

    Raises:
        TargetError: no activation has that name, it does not take those parameters, or is not finite with them; the message offers what does.
        InputError: `name` is no string.

    Example:
        >>> get("gelu", approximate="tanh").phi(1.0).round(6).item()
        0.841192
    """
    if not isinstance(name, str):
        raise InputError(f"`name` must be one of torch.nn.functional, such as 'tanh', got {name!r}; activations.from_callable(φ) takes functions")
    name = ALIASES.get(name, name)
    if name in NOT_ELEMENTWISE:
        raise TargetError(f"`{name}` does not act on each element by itself, so it has no φ; it is treated in or as {NOT_ELEMENTWISE[name]}")
    if name not in MAKERS:
        near = difflib.get_close_matches(name, MAKERS, n=3, cutoff=0.5) or sorted(MAKERS)
        raise TargetError(f"no activation is called `{name}`; try {', '.join(near)}, or activations.from_callable(φ)")
    try:
        return _make(name, tuple(sorted(parameters.items())))
    except (TypeError, ZeroDivisionError) as error:
        raise TargetError(f"activation `{name}` does not take {parameters}: {error}") from error


@lru_cache(maxsize=512)
def _make(name: str, parameters: tuple[tuple[str, float | str], ...]) -> Activation:
    made = replace(MAKERS[name](**dict(parameters)), parameters=parameters)
    with np.errstate(all="ignore"):
        values = made.phi([-1.0, 0.0, 1.0])
    if parameters and not np.isfinite(values).all():
        raise TypeError(f"it must be finite, got {values.tolist()} at −1, 0 and 1")
    return made
