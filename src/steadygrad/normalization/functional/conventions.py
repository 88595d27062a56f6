"""Two words, two meanings each: momentum, and the variance that is kept."""

from typing import Literal

import torch

from steadygrad.errors import InputError
from steadygrad.normalization.validate import fraction, one_of

MomentumOf = Literal["new", "old"]
Variance = Literal["unbiased", "biased"]


def convert_momentum(momentum: float, source: MomentumOf, target: MomentumOf) -> float:
    """The same moving average in the other convention: 1 − momentum, or momentum itself.

    "new": r ← (1 − m)·r + m·batch (torch, 0.1).  "old": r ← m·r + (1 − m)·batch (Keras, MXNet, JAX, the book chapter, 0.9).

    Raises:
        InputError: momentum outside [0, 1], or an unknown convention.

    Example:
        >>> convert_momentum(0.75, "old", "new")
        0.25
    """
    one_of("convert_momentum", "source", source, ("new", "old"))
    one_of("convert_momentum", "target", target, ("new", "old"))
    if fraction("convert_momentum", "momentum", momentum) is None:
        raise InputError("convert_momentum: `momentum` must be a number, got None: a cumulative mean has no momentum in either convention")
    return momentum if source == target else 1.0 - momentum


def convert_variance(variance: torch.Tensor, count: int, source: Variance, target: Variance) -> torch.Tensor:
    """Variance of `count` values: "biased" divides by n, "unbiased" by n − 1.

    torch normalizes by the biased one and *keeps* the unbiased one; the chapter keeps the biased one. A moving average of
    batches of one size converts by the same factor as each batch.

    Raises:
        InputError: fewer than two values, for which the unbiased variance is not defined.
    """
    one_of("convert_variance", "source", source, ("unbiased", "biased"))
    one_of("convert_variance", "target", target, ("unbiased", "biased"))
    if count < 2:
        raise InputError(f"convert_variance: the unbiased variance needs at least 2 values, got count={count}")
    if source == target:
        return variance
    return variance * (count / (count - 1) if target == "unbiased" else (count - 1) / count)
