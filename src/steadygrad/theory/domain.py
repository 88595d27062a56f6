"""What arguments mean something: variances, depths, widths, probabilities."""

import math
from collections.abc import Sequence
from numbers import Real

from steadygrad.errors import InputError


def require_variances(weight_variance: float, bias_variance: float = 0.0) -> None:
    """Check that σ_w² and σ_b² are finite and at least 0.

    Raises:
        InputError: they are not.

    Example:
        >>> require_variances(2.0, 0.0)
    """
    if not (0.0 <= weight_variance < math.inf and 0.0 <= bias_variance < math.inf):
        raise InputError(f"`weight_variance` and `bias_variance` must be finite and at least 0, got {weight_variance!r} and {bias_variance!r}")


def require_length(q: float) -> None:
    """Check that a second moment is finite and positive.

    Raises:
        InputError: it is not.

    Example:
        >>> require_length(1.0)
    """
    if not 0.0 < q < math.inf:
        raise InputError(f"second moment `q` must be finite and positive, got {q!r}")


def require_scale(name: str, value: float) -> None:
    """Check that a factor is finite.

    Raises:
        InputError: it is not.

    Example:
        >>> require_scale("branch", 0.5)
    """
    if not math.isfinite(value):
        raise InputError(f"`{name}` must be finite, got {value!r}")


def require_depth(depth: int) -> None:
    """Check that there is at least one layer.

    Raises:
        InputError: there is none, or `depth` is no whole number.

    Example:
        >>> require_depth(1)
    """
    if not (isinstance(depth, Real) and 1 <= depth < math.inf) or depth != int(depth):
        raise InputError(f"`depth` must be a whole number of layers, at least 1, got {depth!r}")


def require_widths(widths: Sequence[int]) -> None:
    """Check that there is at least one layer and that each has at least one unit.

    Raises:
        InputError: they have not.

    Example:
        >>> require_widths([32, 16])
    """
    if len(widths) == 0 or min(widths) < 1:
        raise InputError(f"`widths` must name at least one layer, each of at least 1 unit, got {list(widths)!r}")
