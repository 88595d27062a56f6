"""Measure a plan before it is handed out, and move scales as little as brings signals and gradients within bounds."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from steadygrad.planner.design import OUTPUT, Design
from steadygrad.planner.moves import moves
from steadygrad.planner.spread import spreads
from steadygrad.planner.trial import learn
from steadygrad.probes.evidence import Evidence

SIGNALS, GRADIENTS = 10.0, 100.0
"""Largest over smallest rms that a plan is for: of activations, and of gradients per entry of weight matrices."""
ENOUGH = 0.92  # share of log 10 and log 100 from which on nothing is moved: a batch and a loss of another kind measure a little more
ROUNDS = 3
Spreads = tuple[float, float]


@dataclass(frozen=True)
class _Tried:
    """Scales that were run, and what was seen."""

    moments: dict[str, float]
    reasons: dict[str, str]
    spreads: Spreads
    note: str = ""


def refine(design: Design, run: Callable[[], Evidence], own: Spreads | None, before: Callable[[str], float | None]) -> tuple[str, ...]:
    """Run the design, learn from what was seen, move, at most `ROUNDS` times; the best that was seen stays, be it the model's own scales.

    Args:
        design: with all scales chosen; left with the best.
        run: one forward and backward pass with the design's weights.
        own: spreads of the model as it came.
        before: rms of a parameter as it came.

    Returns:
        What to tell the user.
    """
    tried: list[_Tried] = []
    for turn in range(1 + ROUNDS):
        seen = run()
        tried.append(_Tried(dict(design.moments), dict(design.reasons), spreads(seen), "" if turn == 0 else "moved as measured"))
        outputs = _outputs(design, seen)
        if (score(tried[-1].spreads) <= ENOUGH and not outputs) or turn == ROUNDS or score(tried[-1].spreads) > score(tried[0].spreads):
            break
        walk = learn(design, seen)
        factors = moves(design, walk, seen) | outputs
        if not factors:
            break
        for name, factor in factors.items():
            design.moments[name] *= factor
            design.reasons[name] = f"{tried[0].reasons[name]}; ×{math.sqrt(design.moments[name] / tried[0].moments[name]):.3g} as measured, to level"
    best = min(tried, key=lambda t: _cost(t, own))
    if own is not None and (excess(own) < excess(best.spreads) or _worse(best.spreads, own)):
        _as_it_came(design, before)
        tried.append(_Tried(dict(design.moments), dict(design.reasons), spreads(run()), "kept the model's own scales, which measured better"))
        best = min(tried, key=lambda t: _cost(t, own))
    for forgotten in (design.corrections, design.returned, design.pulls):
        forgotten.clear()
    design.moments.update(best.moments)
    design.reasons.update(best.reasons)
    return (_words(best, tried[0], own),) if best is not tried[0] or excess(best.spreads) > 0.0 else ()


def _outputs(design: Design, seen: Evidence) -> dict[str, float]:
    """Output weight → factor on its E[w²] that brings outputs to their size, where they were seen more than a factor of 4 off it."""
    found = {}
    for node in design.graph.nodes:
        use = next((u for u in node.uses if u.role == "weight"), None)
        if node.kind != "affine" or use is None or node.index in design.graph.feeds_weights or node.index not in seen.signals:
            continue
        name, q = use.parameters[0], seen.signals[node.index].moments.q
        alone = len(list(design.graph.uses_of(name))) == 1 and design.reasons.get(name, "").startswith("outputs")
        if alone and design.moments.get(name, 0.0) > 0.0 and 0.0 < q < math.inf and not 1.0 / 16.0 < q / OUTPUT < 16.0:
            found[name] = OUTPUT / q
    return found


def score(found: Spreads) -> float:
    """The larger of log spread over log bound; 1 at the bound."""
    return max(math.log(max(spread, 1.0)) / math.log(bound) for spread, bound in zip(found, (SIGNALS, GRADIENTS), strict=True))


def _cost(tried: _Tried, own: Spreads | None) -> tuple[int, float, float]:
    """What decides between two: spreads beyond their bound and the model's own, then how far they are beyond bounds, then the larger."""
    return _worse(tried.spreads, own), excess(tried.spreads), score(tried.spreads)


def excess(found: Spreads) -> float:
    """Logs of what is beyond the bounds, each in units of its bound's."""
    return sum(max(math.log(max(spread, 1.0)) / math.log(bound) - 1.0, 0.0) for spread, bound in zip(found, (SIGNALS, GRADIENTS), strict=True))


def _worse(found: Spreads, own: Spreads | None) -> int:
    """How many spreads are beyond their bound and beyond the model's own."""
    return 0 if own is None else sum(a > max(b, bound) for a, b, bound in zip(found, own, (SIGNALS, GRADIENTS), strict=True))


def _as_it_came(design: Design, before: Callable[[str], float | None]) -> None:
    for name in design.moments:
        size = before(name)
        if size:
            design.moments[name], design.reasons[name] = size**2, "the model's own scale"


def _words(best: _Tried, first: _Tried, own: Spreads | None) -> str:
    def told(spread: Spreads) -> str:
        return f"{spread[0]:.3g}× and {spread[1]:.3g}×"

    beside = f", as it came {told(own)}" if own is not None else ""
    return f"{best.note or 'measured'}: rms of signals and of weights' gradients spread {told(best.spreads)}, as designed {told(first.spreads)}{beside}"
