"""Averages over Gaussian pre-activations, by quadrature.

    E[f(√q z)],  z ~ N(0, 1)                          one rule
    E[f(u₁) g(u₂)],  u ~ N(0, q), correlation c       u₂ = c·u₁ + √(1 − c²)·v, a rule inside a rule

The inner rule is split where u₂ meets a kink; the outer one narrows there, so c → ±1 stays exact.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steadygrad.errors import InputError
from steadygrad.theory.activation import Activation
from steadygrad.theory.quadrature import EDGES, REACH, breaks_of, graded, panels, rule

Array = NDArray[np.float64]
Function = Callable[[Array], Array]

NEGLIGIBLE = 1e-20  # what a function that is 0 but far out may leave at the border of the rule


class Diverging(InputError):
    """An average that is infinite, or that comes from beyond the rule's reach: φ grows too fast for this second moment."""


@dataclass(frozen=True)
class Moments:
    """What an activation does to a pre-activation N(0, q).

    Attributes:
        mean: E[φ].
        second: E[φ²].
        variance: E[φ²] − E[φ]².
        slope: E[φ′²]; χ₁ = σ_w²·slope.
    """

    mean: float
    second: float
    variance: float
    slope: float


def expectation(f: Function, *, scale: float = 1.0, kinks: tuple[float, ...] = ()) -> float:
    """E[f(scale·z)], z ~ N(0, 1), to about 1e-14 of E|f|; `kinks` are points of f's argument.

    Less exact for f that oscillates or turns faster than on a scale of 1 away from its origin and kinks.

    Raises:
        InputError: f is nan somewhere; as `Diverging`, f grows so fast that the average comes from |z| > 13 (exp(x) at scale > 6),
            or is not finite.

    Example:
        >>> round(expectation(lambda x: x**4), 12)
        3.0
    """
    nodes, weights = rule(breaks_of(kinks, scale))
    with np.errstate(over="ignore", invalid="ignore"):
        values = f(scale * nodes)
    if np.isnan(values).any():
        raise InputError(f"a function must be a number wherever it is averaged, got nan at x = {scale * nodes[np.isnan(values)][0]:g}")
    with np.errstate(over="ignore"):
        terms = weights * values
    total = float(terms.sum())
    size = float(np.abs(terms).sum())
    border = float(np.abs(terms[np.abs(nodes) > REACH - 1.0]).sum())
    if not math.isfinite(size) or border > max(1e-9 * size, NEGLIGIBLE):
        raise Diverging(f"the average of f({scale:g}·z) must converge within |z| < {REACH:g}, got {total!r}; use a smaller second moment")
    return total


def mean(activation: Activation, q: float = 1.0) -> float:
    """E[φ(√q z)].

    Example:
        >>> from steadygrad.theory import activations
        >>> round(mean(activations.get("relu")), 6)  # 1/√(2π)
        0.398942
    """
    return expectation(activation.phi, scale=root(q), kinks=activation.kinks)


def second_moment(activation: Activation, q: float = 1.0) -> float:
    """E[φ(√q z)²].

    Example:
        >>> from steadygrad.theory import activations
        >>> round(second_moment(activations.get("tanh")), 6)
        0.394294
    """
    return expectation(lambda x: activation.phi(x) ** 2, scale=root(q), kinks=activation.kinks)


def slope_moment(activation: Activation, q: float = 1.0, power: int = 2) -> float:
    """E[φ′(√q z)^power]; power 2 is χ₁/σ_w², powers 2k are the μₖ of the Jacobian's spectrum.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(slope_moment(activations.get("sigmoid")), 6)
        0.044836
    """
    return expectation(lambda x: activation.derivative(x) ** power, scale=root(q), kinks=activation.kinks)


def moments(activation: Activation, q: float = 1.0) -> Moments:
    """Mean, second moment, variance and slope moment of φ(√q z).

    Example:
        >>> from steadygrad.theory import activations
        >>> round(moments(activations.get("relu")).variance, 6)  # ½ − 1/(2π)
        0.340845
    """
    average = mean(activation, q)
    variance = expectation(lambda x: (activation.phi(x) - average) ** 2, scale=root(q), kinks=activation.kinks)
    return Moments(average, second_moment(activation, q), variance, slope_moment(activation, q))


def forward_gain(activation: Activation, q: float = 1.0) -> float:
    """√(q/E[φ(√q z)²]): the weight gain after which the second moment stays at q; ∞ when φ is 0 there.

    Fails with depth for GELU, SiLU, Mish, hardswish: q is then a fixed point, but an unstable one
    (`maps.length_slope` > 1), and signals die or blow up exponentially. Use `maps.half_stable_point`.
    Source: He et al. 2015, arXiv:1502.01852, eq. 10, with E[φ²] in place of ReLU's ½.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(forward_gain(activations.get("relu")), 7)
        1.4142136
    """
    moment = second_moment(activation, q)
    return math.sqrt(q / moment) if moment > 0.0 else math.inf


def backward_gain(activation: Activation, q: float = 1.0) -> float:
    """1/√E[φ′(√q z)²]: the weight gain at which gradients keep their second moment (χ₁ = 1); ∞ when φ′ is 0 there.

    Fails at finite depth when q is no fixed point of that gain: q moves, and χ₁ with it.
    Source: He et al. 2015, arXiv:1502.01852, eq. 14, with E[φ′²] in place of ReLU's ½.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(backward_gain(activations.get("tanh")), 4)
        1.4674
    """
    moment = slope_moment(activation, q)
    return 1.0 / math.sqrt(moment) if moment > 0.0 else math.inf


def pair_expectation(f: Function, g: Function, c: float, *, scale: float = 1.0, kinks: tuple[float, ...] = ()) -> float:
    """E[f(u₁) g(u₂)] for u₁, u₂ ~ N(0, scale²) with correlation c in [−1, 1]; `kinks` are those of f and of g.

    Raises:
        InputError: c outside [−1, 1].

    Example:
        >>> round(pair_expectation(np.sign, np.sign, 0.5, kinks=(0.0,)), 9)  # 2/π·arcsin(c)
        0.333333333
    """
    if not -1.0 <= c <= 1.0:
        raise InputError(f"correlation `c` must lie in [-1, 1], got {c!r}")
    rest = math.sqrt((1.0 - c) * (1.0 + c))
    breaks = breaks_of(kinks, scale)
    if rest == 0.0:
        nodes, weights = rule((*breaks, *(-b for b in breaks)))
        return float(weights @ (f(scale * nodes) * g(math.copysign(scale, c) * nodes)))
    if kinks and rest < abs(c):  # g, averaged over v, turns over a width of √(1 − c²)/|c| where c·u₁ meets a kink
        at = tuple(k / (scale * c) for k in kinks) if scale > 0.0 else ()
        breaks = (*breaks, *graded(at, rest / abs(c)))
    outer, weights = rule(breaks)
    averaged = _inner(g, kinks, scale, c * outer, rest)
    return float((weights * f(scale * outer)) @ averaged)


def covariance(activation: Activation, q: float, c: float) -> float:
    """E[φ(u₁)φ(u₂)] for u₁, u₂ ~ N(0, q) with correlation c.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(covariance(activations.get("relu"), 1.0, 0.0), 6)  # 1/(2π)
        0.159155
    """
    return pair_expectation(activation.phi, activation.phi, c, scale=root(q), kinks=activation.kinks)


def slope_covariance(activation: Activation, q: float, c: float) -> float:
    """E[φ′(u₁)φ′(u₂)] for u₁, u₂ ~ N(0, q) with correlation c; times σ_w² it is the slope of the correlation map.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(slope_covariance(activations.get("relu"), 1.0, 0.0), 6)
        0.25
    """
    return pair_expectation(activation.derivative, activation.derivative, c, scale=root(q), kinks=activation.kinks)


def root(q: float) -> float:
    """√q, the standard deviation of a pre-activation.

    Raises:
        InputError: q negative or not finite.
    """
    if not q >= 0.0 or not math.isfinite(q):
        raise InputError(f"second moment `q` must be finite and at least 0, got {q!r}")
    return math.sqrt(q)


def _inner(g: Function, kinks: tuple[float, ...], scale: float, shift: Array, rest: float) -> Array:
    """E_v[g(scale·(shift + rest·v))] for every shift; panels meet where the argument meets a kink."""
    if scale == 0.0:
        return np.asarray(g(np.zeros_like(shift)))
    around = breaks_of(kinks, scale)
    if not around:
        nodes, weights = rule()
        return np.asarray(g(scale * (shift[:, None] + rest * nodes)) @ weights)
    inner = np.clip((np.array(around) - shift[:, None]) / rest, -REACH, REACH)
    fixed = np.broadcast_to(np.array(EDGES), (len(shift), len(EDGES)))
    edges = np.sort(np.concatenate([fixed, inner], axis=1), axis=1)
    nodes, weights = panels(edges[:, :-1], edges[:, 1:])
    return np.asarray((g(scale * (shift[:, None] + rest * nodes)) * weights).sum(axis=1))
