"""Measure a plan before it is handed out, and move scales as little as brings signals and gradients within bounds."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from steadygrad.planner.design import OUTPUT, Design
from steadygrad.planner.moves import ALONE, REACH, ROOMS, moves
from steadygrad.planner.spread import spreads
from steadygrad.planner.trial import forget, learn
from steadygrad.probes.evidence import Evidence

SIGNALS, GRADIENTS = 10.0, 100.0
"""Largest over smallest rms that a plan is for: of activations, and of gradients per entry of weight matrices."""
ENOUGH = 0.92  # share of log 10 and log 100 from which on nothing is moved: a batch and a loss of another kind measure a little more
ROUNDS = 6
ANOTHER = 1.25  # by how much the spreads of two draws at the same scales differ
SLOW = 0.05  # excess less than before from which on norms and outputs move too
LEAST = 0.1  # log E[w²] of the furthest move from which on there is nothing left to try
Spreads = tuple[float, float]


@dataclass(frozen=True)
class _Tried:
    """Scales that were run, what was seen, and factors for output weights that were seen to be off."""

    moments: dict[str, float]
    reasons: dict[str, str]
    spreads: Spreads
    seen: Evidence
    off: dict[str, float]
    note: str = ""


def refine(design: Design, run: Callable[[], Evidence], own: Spreads | None, before: Callable[[str], float | None]) -> tuple[str, ...]:
    """Run the design, learn from what was seen, move, at most `ROUNDS` times; the best that was seen stays, be it the model's own scales.

    Each move starts from the best so far, and goes less far after one that made it worse. Norms' scales and output weights move where weights
    alone are not predicted to do, and always once these get no further; where both spreads stay beyond their bounds, signals are moved for alone in the end.

    Args:
        design: with all scales chosen; left with the best.
        run: one forward and backward pass with the design's weights.
        own: spreads of the model as it came.
        before: rms of a parameter as it came.

    Returns:
        What to tell the user.
    """
    first = best = _run(design, run, "")
    reach, worse, last, alone, refused = REACH, 0, False, False, list[dict[str, float]]()
    for left in reversed(range(ROUNDS)):
        walk = learn(design, best.seen)
        both, stuck = best.spreads[0] > SIGNALS and best.spreads[1] > GRADIENTS, reach < LEAST
        if (score(best.spreads) <= ENOUGH and not best.off) or (stuck and (alone or not both)):
            break
        rooms = ROOMS if best is first or score((1.0, best.spreads[1])) <= ENOUGH else ROOMS[1:]  # gradients that have been moved want more room
        if both and (worse > 1 or not left or stuck):
            rooms, alone, reach = ALONE, True, REACH if stuck else reach
        factors = moves(design, walk, best.seen, reach, rooms, last) | best.off
        if not factors and not last:
            last = True
            factors = moves(design, walk, best.seen, reach, rooms, last)
        while factors and factors in refused:  # as far again from the same scales would do the same again
            reach = max(abs(math.log(factor)) for factor in factors.values()) / 3.0
            factors = moves(design, walk, best.seen, reach, rooms, last) | best.off
        if not factors:
            break
        for name, factor in factors.items():
            design.moments[name] *= factor
            design.reasons[name] = f"{first.reasons[name]}; ×{math.sqrt(design.moments[name] / first.moments[name]):.3g} as measured, to level"
        moved = _run(design, run, "moved as measured")
        if _cost(moved, own) < _cost(best, own):
            last = last or excess(best.spreads) - excess(moved.spreads) < SLOW
            best, worse, reach = moved, 0, min(2.0 * reach, REACH)
            refused.clear()
        else:  # they went further than what was seen here holds
            worse, furthest = worse + 1, max(abs(math.log(factor)) for factor in factors.values())
            refused.append(factors)
            _put(design, best)
            if not last and (worse > 1 or furthest < 3.0 * LEAST):
                last, worse, reach = True, 0, REACH
            else:
                reach = furthest / 3.0
    if own is not None and (excess(own) < excess(best.spreads) or _worse(best.spreads, own)):
        _as_it_came(design, before)
        best = min(best, _run(design, run, "kept the model's own scales, which measured better"), key=lambda t: _cost(t, own))
    forget(design)
    _put(design, best)
    return (_words(best, first, own),) if best is not first or excess(best.spreads) > 0.0 else ()


def _run(design: Design, run: Callable[[], Evidence], note: str) -> _Tried:
    seen = run()
    return _Tried(dict(design.moments), dict(design.reasons), spreads(seen), seen, _outputs(design, seen), note)


def _put(design: Design, tried: _Tried) -> None:
    design.moments.update(tried.moments)
    design.reasons.update(tried.reasons)


def _outputs(design: Design, seen: Evidence) -> dict[str, float]:
    """Output weight → factor on its E[w²] that brings outputs to their size, where they were seen more than a factor of 4 off it.

    Outputs made from states of gated recurrences are judged as they will be once gates are open.
    """
    found, growth = {}, design.growth()
    for node in design.graph.nodes:
        use = next((u for u in node.uses if u.role == "weight"), None)
        if node.kind != "affine" or use is None or node.index in design.graph.feeds_weights or node.index not in seen.signals:
            continue
        name, q = use.parameters[0], seen.signals[node.index].moments.q * growth.get(node.index, 1.0)
        alone = len(list(design.graph.uses_of(name))) == 1 and design.reasons.get(name, "").startswith("outputs")
        if alone and design.moments.get(name, 0.0) > 0.0 and 0.0 < q < math.inf and not 1.0 / 16.0 < q / OUTPUT < 16.0:
            found[name] = OUTPUT / q
    return found


def score(found: Spreads) -> float:
    """The larger of log spread over log bound; 1 at the bound."""
    return max(math.log(max(spread, 1.0)) / math.log(bound) for spread, bound in zip(found, (SIGNALS, GRADIENTS), strict=True))


def _cost(tried: _Tried, own: Spreads | None) -> tuple[int, int, int, float, float]:
    """What decides between two: spreads beyond their bound and the model's own, outputs off their size, spreads beyond their bound, how far, the larger."""
    beyond = sum(spread > bound for spread, bound in zip(tried.spreads, (SIGNALS, GRADIENTS), strict=True))
    return _worse(tried.spreads, own), len(tried.off), beyond, excess(tried.spreads), score(tried.spreads)


def excess(found: Spreads) -> float:
    """Logs of what is beyond the bounds, each in units of its bound's."""
    return sum(max(math.log(max(spread, 1.0)) / math.log(bound) - 1.0, 0.0) for spread, bound in zip(found, (SIGNALS, GRADIENTS), strict=True))


def _worse(found: Spreads, own: Spreads | None) -> int:
    """How many spreads are beyond their bound and beyond the model's own, by more than another draw makes."""
    return 0 if own is None else sum(a > max(ANOTHER * b, bound) for a, b, bound in zip(found, own, (SIGNALS, GRADIENTS), strict=True))


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
