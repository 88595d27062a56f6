"""The phase diagram of an activation as plain rows: what the terminal and the page both show."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from steadygrad.errors import InputError
from steadygrad.theory.activation import Activation
from steadygrad.theory.maps import CriticalPoint, critical_point, half_stable_point
from steadygrad.theory.phase import TRAINABLE, Phase, phase_at
from steadygrad.theory.phase_diagram import critical_line
from steadygrad.theory.phase_points import Point, common_points

LINE_AT = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
LINE_HEADINGS = ("q*", "σ_w²", "σ_b²", "σ_w", "σ_b")
POINT_HEADINGS = ("point", "σ_w²", "σ_b²", "phase", "χ₁", "ξ_c", "ξ_grad", "trains to")
SOURCE = (
    f"Trainable depth: {TRAINABLE:g}·ξ_c layers, after which e⁻⁶ of a difference between two inputs is left; an observation on plain "
    "networks (Schoenholz et al. 2017, arXiv:1611.01232), not a theorem; at most 6·ξ_q where lengths run away from q*. Theory for wide plain networks with independent weights: no "
    "skips, no normalization. ξ in layers; σ_w² = fan_in·Var(W), σ_b² = Var(b), both without unit."
)
MEANING = {
    "ordered": "inputs become alike and gradients vanish",
    "chaotic": "like inputs part and gradients explode",
    "critical": "neither vanishes nor explodes",
}


@dataclass(frozen=True)
class PhaseView:
    """Everything that is shown.

    Attributes:
        name: of the activation.
        headline: one sentence.
        line: rows under LINE_HEADINGS; empty without critical points.
        line_note: one sentence about the line.
        points: named points, the user's own last.
        own: the user's own point, or None.
    """

    name: str
    headline: str
    line: list[tuple[str, ...]]
    line_note: str
    points: list[Point]
    own: Point | None


def phase_view(activation: Activation, weight_variance: float | None = None, bias_variance: float = 0.0, *, fan_in: int = 256) -> PhaseView:
    """Compute the rows; `weight_variance` is the user's own σ_w², None without one.

    Raises:
        InputError: a negative variance, or fan_in below 1.
    """
    own = None
    if weight_variance is not None:
        own = Point("yours", "--weight-std, --bias-std", phase_at(activation, weight_variance, bias_variance))
    points = common_points(activation, fan_in)
    line, note = _line(activation)
    if own is not None:
        headline = f"Your {activation.name} network starts {own.phase.kind}: {MEANING[own.phase.kind]}; {_trains(own.phase)}."
    else:
        headline = f"{activation.name}: {note}"
    return PhaseView(activation.name, headline, line, note, [*points, *([own] if own else [])], own)


def point_row(point: Point) -> tuple[str, ...]:
    """One row under POINT_HEADINGS."""
    p = point.phase
    return (
        point.name, f"{p.weight_variance:.4g}", f"{p.bias_variance:.3g}", p.kind, f"{p.chi_1:.4g}" if p.chi_1 >= 1e-4 else f"{p.chi_1:.1g}",
        layers(p.xi_c), layers(p.xi_grad), "any depth" if p.trainable_depth > 1e5 else f"{max(p.trainable_depth, 1.0):,.0f}",
    )  # fmt: skip


def layers(value: float) -> str:
    """A number of layers: three digits, two decimals at most; ∞ from a million on.

    Example:
        >>> layers(7.8342), layers(0.0752), layers(float("inf"))
        ('7.83', '0.08', '∞')
    """
    return "∞" if value > 1e6 else f"{round(value, 2):.3g}" if value < 1000.0 else f"{value:,.0f}"


def _trains(phase: Phase) -> str:
    if phase.trainable_depth > 1e5:
        return "depth is not what limits it"
    return f"it trains to about {max(phase.trainable_depth, 1.0):,.0f} layers"


def _line(activation: Activation) -> tuple[list[tuple[str, ...]], str]:
    if activation.homogeneous:
        point = critical_point(activation, 1.0)
        alone = ("any", f"{point.weight_variance:.6g}", "0", f"{math.sqrt(point.weight_variance):.6g}", "0")
        return [alone], f"one critical point, σ_w² = {point.weight_variance:.6g} without biases, at every length"
    half = half_stable_point(activation)
    places = sorted({*LINE_AT, *([half.q] if half else [])})
    found = [row for q in places if (row := _row(activation, q, "half-stable" if half and q == half.q else "")) is not None]
    if half is not None:
        return found, f"critical along a line; the point to start from is q* = {half.q:.4g}, where lengths hold too"
    if found:
        return found, "critical along a line of (σ_w², σ_b²), one point for every length q*"
    first = next(iter(critical_line(activation, 1e12, 1e12)), None)
    if first is None:
        return [], "no critical point: every σ_b² that would balance it is negative, or lengths grow"
    first = _begins(activation, first)
    return [], f"critical only from q* = {first.q:.3g} on (σ_w² = {first.weight_variance:.3g}), far from every common initialization"


def _begins(activation: Activation, inside: CriticalPoint) -> CriticalPoint:
    """Where the critical line starts below a point of it, to 1e-6: the first q whose σ_b² is not negative."""
    low, high = inside.q / 2.0, inside.q
    while high > low * (1.0 + 1e-6):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if critical_point(activation, middle).admissible else (middle, high)
    return critical_point(activation, high)


def _row(activation: Activation, q: float, remark: str = "") -> tuple[str, ...] | None:
    try:
        point = critical_point(activation, q)
    except InputError:  # averages diverge here
        return None
    if not point.admissible:
        return None
    weight, bias = point.weight_variance, max(point.bias_variance, 0.0)
    return (f"{q:.4g} {remark}".strip(), f"{weight:.6g}", f"{bias:.4g}", f"{math.sqrt(weight):.5g}", f"{math.sqrt(bias):.4g}")


def ranges(view: PhaseView) -> tuple[float, float]:
    """The largest σ_w² and σ_b² to draw: every drawn point, and at least 4 and 0.3."""
    drawn: Sequence[Phase] = [point.phase for point in view.points if point.drawn]
    return _nice(max(4.0, *(1.1 * p.weight_variance for p in drawn))), _nice(max(0.3, *(1.15 * p.bias_variance for p in drawn)))


def _nice(value: float) -> float:
    """The next of 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0) if step * power >= value * (1.0 - 1e-9))
