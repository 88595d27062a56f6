"""An activation from the user's own function."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from steadygrad.errors import InputError
from steadygrad.theory.activation import Activation, Array

STEP = 1e-3


def from_callable(
    phi: Callable[[Array], ArrayLike],
    derivative: Callable[[Array], ArrayLike] | None = None,
    *,
    name: str = "",
    kinks: tuple[float, ...] = (),
    bounded: bool = False,
    homogeneous: bool = False,
    odd: bool = False,
) -> Activation:
    """An activation from a vectorized NumPy function; without `derivative`, by five-point differences.

        φ′(x) ≈ (8(φ(x+h) − φ(x−h)) − (φ(x+2h) − φ(x−2h)))/(12h),   h = 1e-3·max(1, |x|)

    Truncation is h⁴/30·φ⁽⁵⁾, rounding about 2e-13 for functions of order 1 (Abramowitz & Stegun 25.3.6). Wrong within
    2h of a kink: give the derivative of functions that have one, and name the `kinks`, where averages are split.

    Raises:
        InputError: `phi` does not map an array to a real array of the same shape.

    Example:
        >>> round(float(from_callable(np.tanh).derivative(0.5)), 9)
        0.786447733
    """
    _try(phi, "phi")
    if derivative is not None:
        _try(derivative, "derivative")

    def difference(x: Array) -> Array:
        h = STEP * np.maximum(1.0, np.abs(x))
        near = np.asarray(phi(x + h)) - np.asarray(phi(x - h))
        far = np.asarray(phi(x + 2.0 * h)) - np.asarray(phi(x - 2.0 * h))
        return np.asarray((8.0 * near - far) / (12.0 * h))

    return Activation(
        name or getattr(phi, "__name__", "custom"),
        lambda x: np.asarray(phi(x), dtype=np.float64),
        difference if derivative is None else lambda x: np.asarray(derivative(x), dtype=np.float64),
        kinks,
        bounded,
        homogeneous,
        odd,
    )


def _try(function: Callable[[Array], ArrayLike], role: str) -> None:
    """One call on three points, so that a function of the wrong kind is named here and not inside an integral."""
    try:
        result = np.asarray(function(np.array([-1.0, 0.5, 2.0])), dtype=np.float64)
    except Exception as error:
        raise InputError(
            f"`{role}` must map a float64 array to a float64 array, but raised {error!r}; from_callable(np.vectorize(φ)) wraps a scalar function"
        ) from error
    if result.shape != (3,):
        raise InputError(f"`{role}` must keep the array's shape, but mapped shape (3,) to {result.shape}")
