"""Which scheme to start a network of one activation from, and why: the catalogue's scheme for theory's starting point.

This is the one file of this floor that asks theory beside it, and it does so only when it is called.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, log, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from steadygrad.errors import InputError
from steadygrad.schemes.names import by_name
from steadygrad.schemes.scheme import Scheme

if TYPE_CHECKING:
    from steadygrad.theory.activation import Activation
    from steadygrad.theory.starting_point import StartingPoint

FACTOR = 1e3
STEPS = 12  # halvings of a bracket of ratio 2: gains to 2^(1/4096)
FAR = 1e6


@dataclass(frozen=True)
class Recommendation:
    """How to draw the weights that read an activation's outputs.

    Attributes:
        scheme: of the catalogue.
        gain: to give it.
        bias_variance: of independent zero-mean biases beside it; 0 for zero biases.
        centred: whether biases also take −φ(0)·(row sums of the weights), as `steadygrad.plan` does.
        alive: gains between which signal and gradient both stay within a factor 1000 of their start over `depth` layers, all else
            as recommended; None where no gain does so.
        depth: of the chain that `alive` is for.
        reason: why, in words.
    """

    scheme: Scheme
    gain: float
    bias_variance: float
    centred: bool
    alive: tuple[float, float] | None
    depth: int
    reason: str

    def __str__(self) -> str:
        biases = [f"biases N(0, {self.bias_variance:.4g})"] * (self.bias_variance > 0.0) + ["biases centred"] * self.centred or ["biases 0"]
        span = f"gains {self.alive[0]:.3f} … {self.alive[1]:.3f} keep" if self.alive else "no gain keeps"
        kept = f"{span} signal and gradient within 1000× over {self.depth} layers"
        return f"{self.scheme!r} at gain {self.gain:.6g}, {' and '.join(biases)}: {self.reason}; {kept}"


def recommend(activation: "str | Activation | Callable[[Any], ArrayLike]", depth: int = 50) -> Recommendation:
    """The scheme, gain and biases that keep both signal and gradient alive in a plain chain of this activation.

    The gain is that of `theory.starting_point`: critical where the activation has a critical point, else the one that keeps the signal.
    From the second moment q it is made for (1 where small signals are wanted), q and the gradient's second moment are followed through
    `depth` layers of infinite width, and the gains are looked for at which neither leaves [1/1000, 1000] of its start.

    Fails where several activations alternate, and beside residual sums and normalization layers: `steadygrad.plan` looks at the model.

    Args:
        activation: a name as PyTorch has it, one of `theory.activations`, or a vectorized NumPy function; functions of torch and jax go
            by their name.
        depth: layers of the chain, at least 1.

    Raises:
        TargetError: no activation of this name (near ones are shown).
        InputError: a depth below 1, or a function that is none of one number, passes nothing, or grows too fast.

    Example:
        >>> print(recommend("relu"))
        he_normal() at gain 1.41421, biases 0: relu keeps every scale at gain 1.41421 = 1/√E[φ²], forward and backward; gains 1.320 … 1.515 keep signal and gradient within 1000× over 50 layers
        >>> "no critical point at any gain below 10.1" in recommend("sigmoid").reason
        True
    """  # noqa: E501 - what is printed is one line
    from steadygrad.theory.starting_point import starting_point

    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
        raise InputError(f"`depth` must be an integer of at least 1, got {depth!r}")
    phi = _activation(activation)
    start = starting_point(phi)
    reason = start.reason + (_without_centring(phi) if start.centred else "")
    alive = _alive(phi, start, depth)
    return Recommendation(by_name(start.scheme), start.gain, start.bias_variance, start.centred, alive, depth, reason)


def _activation(activation: Any) -> "Activation":
    from steadygrad.theory import activations

    if isinstance(activation, activations.Activation):
        return activation
    if isinstance(activation, str):
        return activations.get(activation)
    name, home = getattr(activation, "__name__", ""), (getattr(activation, "__module__", None) or "").partition(".")[0]
    if name in (*activations.MAKERS, *activations.ALIASES) and home not in ("numpy", "__main__", "builtins") and not _takes_numpy(activation):
        return activations.get(name)
    if not callable(activation) or not _takes_numpy(activation):
        raise InputError(f"`activation` must be a name such as 'relu', or a vectorized NumPy function, got {activation!r}")
    return activations.from_callable(activation, **_traits(activation))


def _takes_numpy(function: Any) -> bool:
    try:
        return np.shape(function(np.linspace(-1.0, 1.0, 5))) == (5,)
    except Exception:  # whatever somebody's function raises, it is none of arrays
        return False


def _traits(function: Callable[[Any], ArrayLike]) -> dict[str, Any]:
    """Whether it is odd, homogeneous, bounded: what theory knows of its own activations, seen in the numbers."""
    x = np.concatenate([np.linspace(0.01, 8.0, 40), [50.0, 1e3]])
    with np.errstate(all="ignore"):
        up, down, twice = (np.asarray(function(v), dtype=float) for v in (x, -x, 2.0 * x))
        back, far = np.asarray(function(-2.0 * x), dtype=float), np.asarray(function(np.array([-FAR, FAR])), dtype=float)
    homogeneous = _same(twice, 2.0 * up) and _same(back, 2.0 * down) and bool(up.any() or down.any())
    bounded = bool(np.isfinite(far).all() and np.abs(far).max() <= 2.0 * max(np.abs(up).max(), np.abs(down).max()) < FAR / 10.0)
    return {"odd": _same(up, -down), "homogeneous": homogeneous, "bounded": bounded}


def _same(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    return bool(np.allclose(a, b, rtol=1e-9, atol=1e-12))


def _without_centring(phi: "Activation") -> str:
    """That zero biases leave no critical point: χ₁ at the fixed point reaches 1 only where units are saturated."""
    from steadygrad.theory import maps

    low, high = 0.5, 64.0
    if maps.chi_1(phi, high**2) < 1.0:
        return f"; with zero biases there is no critical point at any gain below {high:g}"
    for _ in range(2 * STEPS):
        middle = sqrt(low * high)
        low, high = (low, middle) if maps.chi_1(phi, middle**2) >= 1.0 else (middle, high)
    q = maps.q_star(phi, high**2).q
    at = f"at {high:.3g} pre-activations of rms {sqrt(q):.2g} saturate the units"
    return f"; with zero biases there is no critical point at any gain below {int(high * 10) / 10:g}, and {at}"


def _alive(phi: "Activation", start: "StartingPoint", depth: int) -> tuple[float, float] | None:
    from steadygrad.theory.activation import centred

    shifted = centred(phi) if start.centred else phi
    if not _lives(shifted, start.gain, start, depth):
        return None
    edges = []
    for step in (0.5, 2.0):
        inside, outside = start.gain, start.gain * step
        while _lives(shifted, outside, start, depth) and 1e-3 < outside < 1e3:
            inside, outside = outside, outside * step
        for _ in range(STEPS):
            middle = sqrt(inside * outside)
            inside, outside = (middle, outside) if _lives(shifted, middle, start, depth) else (inside, middle)
        edges.append(inside)
    return edges[0], edges[1]


def _lives(phi: "Activation", gain: float, start: "StartingPoint", depth: int) -> bool:
    from steadygrad.theory import maps

    first = q = start.q or 1.0
    grown = 0.0
    for _ in range(depth):
        chi = maps.chi_1(phi, gain**2, q=q)
        grown += log(chi) if chi > 0.0 else -inf
        q = maps.length_map(phi, gain**2, start.bias_variance, q)
        if not (first / FACTOR <= q <= first * FACTOR and abs(grown) <= log(FACTOR)):
            return False
    return True
