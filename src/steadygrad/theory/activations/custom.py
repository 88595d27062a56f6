"""An activation from the user's own function."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from steadygrad.errors import InputError
from steadygrad.theory.activation import Activation, Array
from steadygrad.theory.activations.kinks import find_kinks

STEP = 1e-3
NEAREST = 1e-7
MOST_KINKS = 12
PROBES = np.concatenate([np.linspace(-8.0, 8.0, 33), [-0.37, 1e-3]])  # where a function must be defined to be an activation
FARTHER = np.array([-50.0, -20.0, -13.0, -9.0, 9.0, 13.0, 20.0, 50.0])  # and where it may overflow, but must be a number


def from_callable(
    phi: Callable[[Array], ArrayLike],
    derivative: Callable[[Array], ArrayLike] | None = None,
    *,
    name: str = "",
    kinks: tuple[float, ...] | None = None,
    bounded: bool = False,
    homogeneous: bool = False,
    odd: bool = False,
) -> Activation:
    """An activation from a vectorized NumPy function; without `derivative`, by five-point differences.

        φ′(x) ≈ (8(φ(x+h) − φ(x−h)) − (φ(x+2h) − φ(x−2h)))/(12h),   h = 1e-3·max(1, |x|), smaller beside a kink

    Truncation is h⁴/30·φ⁽⁵⁾, rounding about 2e-13 for functions of order 1 (Abramowitz & Stegun 25.3.6). Averages are
    split at `kinks`; without them they are looked for (`find_kinks`, which misses corners closer than 0.02 to each other).

    Raises:
        InputError: `phi` is no function, raises, returns complex numbers or another shape, is nan or infinite somewhere
            in [−8, 8], nan up to ±50, or bends in too many places to be differenced.

    Example:
        >>> round(float(from_callable(np.tanh).derivative(0.5)), 9)
        0.786447733
        >>> from_callable(lambda x: np.maximum(x, 0.0)).kinks
        (0.0,)
    """
    _try(phi, "phi")
    if derivative is not None:
        _try(derivative, "derivative")

    def value(x: Array) -> Array:
        return np.asarray(phi(x), dtype=np.float64)

    points = find_kinks(value, MOST_KINKS + 1) if kinks is None else tuple(kinks)
    if kinks is None and len(points) > MOST_KINKS:
        if derivative is None:
            raise InputError(
                f"`phi` must have at most {MOST_KINKS} corners and no detail finer than 0.02, got more, among them {points[:3]}; "
                "give its `derivative`, and its `kinks` where averages are to be split"
            )
        points = find_kinks(value, MOST_KINKS)
    return Activation(
        name or getattr(phi, "__name__", "custom"),
        value,
        differences(value, points) if derivative is None else lambda x: np.asarray(derivative(x), dtype=np.float64),
        points,
        bounded,
        homogeneous,
        odd,
    )


def differences(phi: Callable[[Array], Array], kinks: tuple[float, ...] = ()) -> Callable[[Array], Array]:
    """φ′ by five-point differences whose points never lie beyond the nearest kink.

    Wrong within 3e-7 of a kink; rounding grows as 2e-16/h beside one.

    Example:
        >>> slope = differences(np.abs, (0.0,))
        >>> slope(np.array([-1e-4, 1e-4])).round(9).tolist()
        [-1.0, 1.0]
    """
    at = np.asarray(kinks, dtype=np.float64)

    def slope(x: Array) -> Array:
        h = STEP * np.maximum(1.0, np.abs(x))
        if at.size:
            nearest = np.abs(x[..., None] - at).min(axis=-1)
            h = np.maximum(np.minimum(h, 0.45 * nearest), NEAREST)
        with np.errstate(over="ignore", invalid="ignore"):
            near = phi(x + h) - phi(x - h)
            far = phi(x + 2.0 * h) - phi(x - 2.0 * h)
            found = (8.0 * near - far) / (12.0 * h)
            if not np.isnan(found).any():
                return np.asarray(found)
            return np.where(np.isnan(found) & ~np.isnan(phi(x)), np.inf, found)  # where φ overflows: averages refuse it there

    return slope


def _try(function: Callable[[Array], ArrayLike], role: str) -> None:
    """Two calls on some points, in one axis and in two, so that a function of the wrong kind is named here and not inside an integral."""
    if not callable(function):
        raise InputError(f"`{role}` must be a function of a NumPy array, got {function!r}; activations.get('{function}') looks up a name")
    try:
        with np.errstate(all="ignore"):
            raw = np.asarray(function(PROBES.copy()))
            square = np.asarray(function(PROBES.reshape(5, 7).copy()))
        result = raw.astype(np.float64, casting="same_kind") if raw.dtype.kind != "b" else raw.astype(np.float64)
    except Exception as error:
        raise InputError(
            f"`{role}` must map a float64 array to a float64 array, but raised {error!r}; from_callable(np.vectorize(φ)) wraps a scalar "
            "function, from_callable(lambda x: φ(torch.from_numpy(x)).numpy()) one of torch"
        ) from error
    if result.shape != PROBES.shape:
        raise InputError(f"`{role}` must keep the array's shape, but mapped shape {PROBES.shape} to {result.shape}")
    if square.shape != (5, 7):
        raise InputError(f"`{role}` must keep the array's shape, but mapped shape (5, 7) to {square.shape}")
    bad = np.flatnonzero(~np.isfinite(result))
    if bad.size:
        raise InputError(f"`{role}` must be finite on [-8, 8], got {result[bad[0]]} at x = {PROBES[bad[0]]:g}")
    with np.errstate(all="ignore"):
        holes = np.flatnonzero(np.isnan(np.asarray(function(FARTHER.copy()), dtype=np.float64)))
    if holes.size:
        raise InputError(f"`{role}` must be a number on [-50, 50], got nan at x = {FARTHER[holes[0]]:g}")
