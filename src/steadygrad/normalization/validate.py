"""What every normalization asks of its settings and inputs, said the same way."""

import math
from collections.abc import Collection

import torch

from steadygrad.errors import InputError

UNBATCHED = "a batch of one sample has no variance: use a larger batch, drop_last=True, freeze(), or GroupNorm"


def positive(where: str, name: str, value: float) -> float:
    """`value` when it is a finite number above zero.

    Raises:
        InputError: it is not.
    """
    if not (isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0):
        raise InputError(f"{where}: `{name}` must be a finite number > 0, got {value!r}; {name}=1e-5 is usual")
    return float(value)


def fraction(where: str, name: str, value: float | None) -> float | None:
    """`value` when it lies in [0, 1] or is None.

    Raises:
        InputError: it does not.
    """
    if value is not None and not (isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1):
        raise InputError(f"{where}: `{name}` must lie in [0, 1] or be None, got {value!r}; {name}=0.1 is torch's default")
    return value


def one_of(where: str, name: str, value: str, allowed: Collection[str]) -> str:
    """`value` when it is one of `allowed`.

    Raises:
        InputError: it is not.
    """
    if value not in allowed:
        raise InputError(f"{where}: `{name}` must be one of {', '.join(map(repr, allowed))}, got {value!r}")
    return value


def count(where: str, name: str, value: int) -> int:
    """`value` when it is a whole number of at least one.

    Raises:
        InputError: it is not.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"{where}: `{name}` must be a whole number ≥ 1, got {value!r}; for example {name}=1")
    return value


def divides(where: str, groups: int, channels: int) -> int:
    """Channels per group.

    Raises:
        InputError: groups do not divide channels.
    """
    count(where, "groups", groups)
    if channels % groups:
        near = [g for g in range(1, channels + 1) if channels % g == 0]
        raise InputError(f"{where}: groups must divide the channels, got {groups} groups and {channels} channels; one of {near} would do")
    return channels // groups


def floating(where: str, x: torch.Tensor) -> None:
    """`x` is a floating tensor.

    Raises:
        InputError: it is not.
    """
    if not isinstance(x, torch.Tensor) or not x.is_floating_point():
        got = x.dtype if isinstance(x, torch.Tensor) else type(x).__name__
        raise InputError(f"{where}: the input must be a floating tensor, got {got}; call x.float() first")


def signal(where: str, x: torch.Tensor, channels: int | None = None, dims: range = range(2, 6)) -> None:
    """`x` is a floating tensor (N, C, …) with as many axes and channels as the layer wants.

    Raises:
        InputError: it is not.
    """
    floating(where, x)
    if x.ndim not in dims:
        raise InputError(f"{where}: the input must have {dims[0]} to {dims[-1]} axes (N, C, …), got shape {tuple(x.shape)}; add the batch axis with x[None]")
    if channels is not None and x.shape[1] != channels:
        raise InputError(f"{where}: axis 1 of the input must hold {channels} channels, got shape {tuple(x.shape)}; build the layer for {x.shape[1]} channels")


def last(where: str, x: torch.Tensor, shape: tuple[int, ...]) -> int:
    """Number of features of a floating tensor whose last axes are `shape`.

    Raises:
        InputError: they are not.
    """
    floating(where, x)
    if tuple(x.shape[-len(shape) :]) != tuple(shape):
        raise InputError(f"{where}: the last axes must be {tuple(shape)}, got shape {tuple(x.shape)}; channels-first maps want GroupNorm(1, C)")
    return math.prod(shape)


def several(where: str, values: int, shape: torch.Size, advice: str = UNBATCHED) -> None:
    """There are at least two values to take a variance of.

    Raises:
        InputError: there is one, or none.
    """
    if values < 2:
        raise InputError(f"{where}: needs more than 1 value per statistic, got {values} (input shape {tuple(shape)}); {advice}")
