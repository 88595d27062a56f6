"""Newton's method for two or three scalars, with differences for derivatives, from given starting points."""

import math
from collections.abc import Callable, Iterable

import numpy as np

from steadygrad.errors import InputError
from steadygrad.theory.activation import Array

System = Callable[[Array], Array]
ENOUGH = 1e-12
STEP = 1e-6


def solve(system: System, starts: Iterable[tuple[float, ...]], accept: Callable[[Array], bool], what: str) -> Array:
    """The first acceptable zero of `system` that Newton's method with halved steps reaches.

    Raises:
        InputError: no start leads to one; the message says `what` was sought.

    Example:
        >>> solve(lambda x: x**2 - 4.0, [(1.0,)], lambda x: True, "a root").round(9).tolist()
        [2.0]
    """
    tried = 0
    for start in starts:
        tried += 1
        found = _newton(system, np.array(start, dtype=np.float64))
        if found is not None and accept(found):
            return found
    raise InputError(f"{what} must have a solution; got none from {tried} starting points, so the target is probably out of reach")


def _newton(system: System, x: Array) -> Array | None:
    value = _value(system, x)
    for _ in range(60):
        size = float(np.abs(value).max())
        if size < ENOUGH:
            return x
        if not math.isfinite(size):
            return None
        columns = [(_value(system, x + e) - _value(system, x - e)) / (2.0 * STEP) for e in STEP * np.eye(x.size)]
        step = np.linalg.lstsq(np.stack(columns, axis=1), -value, rcond=None)[0] if np.isfinite(columns).all() else None
        if step is None:
            return None
        for _ in range(30):
            ahead = _value(system, x + step)
            if float(np.abs(ahead).max()) < size:
                break
            step = step / 2.0
        else:
            return x if size < 1e-9 else None
        x, value = x + step, ahead
    return None


def _value(system: System, x: Array) -> Array:
    try:
        return system(x)
    except InputError:  # averages that diverge: as far from zero as can be
        return np.full(x.size, np.inf)


def increasing(f: Callable[[float], float], target: float, low: float, high: float) -> float:
    """x in [low, high) with f(x) = target for increasing f, by bisection to rounding; an infinite `high` is approached.

    Raises:
        InputError: f does not reach the target.

    Example:
        >>> round(increasing(lambda x: x**3, 8.0, 0.0, math.inf), 12)
        2.0
    """
    if math.isinf(high):
        high = max(2.0 * abs(low), 1.0)
        while f(high) < target and high < 1e9:
            high *= 2.0
    if not f(low) <= target <= f(high):
        raise InputError(f"the target {target:g} must lie between {f(low):.6g} and {f(high):.6g}, what this network can reach")
    while high - low > 4e-16 * max(1.0, abs(high)):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        low, high = (middle, high) if f(middle) < target else (low, middle)
    return 0.5 * (low + high)
