"""The smallest moves of all scales that bring signals and gradients within a band, to first order."""

import math
from typing import NamedTuple

import numpy as np

from steadygrad.graph.flow import Walk
from steadygrad.planner.balance import probe, wide
from steadygrad.planner.bands import Band, least
from steadygrad.planner.design import OUTPUT, Design
from steadygrad.planner.logits import WIDEST, gate_operands, logit_operands
from steadygrad.planner.rounding import rounding
from steadygrad.planner.spread import MASKED, matrices, signals
from steadygrad.planner.updates import sizes
from steadygrad.probes.evidence import Evidence

STEP = 1e-3  # in log E[w²], see `balance`
MOST = 2000  # weights for which the Jacobian is worth its time
Rooms = tuple[tuple[float, float], ...]
ROOMS: Rooms = ((8.0, 50.0), (9.2, 65.0))
"""Widths of the bands of signals and of gradients: largest over smallest rms that nothing is moved for. The wider ones where the others leave
gradients beyond `FAR`; bounds of 10 and 100 are then met with little to spare."""
ALONE: Rooms = ((9.2, math.inf),)
"""Signals alone, where both are beyond their bounds and gradients that no scale can level would hold them there."""
FAR = 65.0
REACH = math.log(6.0)  # no E[w²] moves further at once: a factor of 2.4 for the weights
NEARLY = 0.2  # beyond the bands, in logs of second moments: 1 % of the rms of signals, 10 % of that of gradients
HARD = 10.0  # weight of signals, which are bounds, beside gradients, which come as close as these let them


class _Counted(NamedTuple):
    """Signals, with the factor on E[x²] at which they count, and weights whose gradients do."""

    signals: dict[int, float]
    gradients: set[str]


def moves(design: Design, walk: Walk, seen: Evidence, reach: float = REACH, rooms: Rooms = ROOMS, last: bool = False) -> dict[str, float]:
    """Weight → factor on its E[w²]; {} where nothing can be followed.

        minimize  Σ d(log q + Δ log q)² + Σ d(log G + Δ log G)² + REST·Σ x²   over x = Δ log E[w²]

    where d is the distance from a band around the middle, over signals q and gradients G per entry of weight matrices as the corrected `walk`
    follows them; no |x| exceeds `reach`, and the bands are the first of `rooms` that does. Where weights within the network are not enough, or at
    `last`, norms' scales move too, and output weights: W(γ·x̂) does not change with c·γ and W/c, but ∂L/∂W grows as c. Attention logits may not
    grow beyond unit size, outputs not beyond theirs, what gates read not beyond rms 2.
    """
    counted = _counts(design, seen)
    found, left = _moves(design, walk, counted, reach, rooms, last)
    if left > NEARLY and not last:
        others, less = _moves(design, walk, counted, reach, rooms, True)
        found = others if less < left else found
    return found


def _moves(design: Design, walk: Walk, counted: _Counted, reach: float, rooms: Rooms, last: bool) -> tuple[dict[str, float], float]:
    """See `moves`; and how far bands still reach beyond the widest room."""
    names = [name for name in design.moments if name not in design.starts and _movable(design, name, last)]
    found: dict[str, float] = {}
    if not 1 < len(names) <= MOST:
        return found, math.inf
    tables, least_left = _tables(design, walk, names, counted), math.inf
    for room in rooms:
        x = least(list(_bands(tables, *room).values()), len(names), reach)
        for length in (1.0, 0.5, 0.25):  # sums of a stream and its branches are not of first order
            factors = {name: math.exp(length * move) for name, move in zip(names, x, strict=True) if length * abs(move) > 0.05}
            left, far = _left(design, walk, counted, factors, rooms[-1])
            if left < least_left:
                found, least_left = factors, left
            if not far:
                return found, least_left
    return found, least_left


def _left(design: Design, walk: Walk, counted: _Counted, factors: dict[str, float], room: tuple[float, float]) -> tuple[float, bool]:
    """How far bands reach beyond `room` after these moves, as the walk follows them, and whether gradients are beyond `FAR`."""
    before = {name: design.moments[name] for name in factors}
    design.moments.update({name: before[name] * factor for name, factor in factors.items()})
    bands = _bands(_tables(design, walk, [], counted), *room)
    design.moments.update(before)
    extents = {key: band.extent(np.zeros(0)) for key, band in bands.items() if key != "logits"}
    left = sum(bands[key].weight * max(extent - bands[key].width, 0.0) for key, extent in extents.items())
    return left, extents.get("gradients", 0.0) > 2.0 * math.log(FAR) and not math.isinf(room[1])


def _movable(design: Design, name: str, last: bool) -> bool:
    """Whether it is a weight, an untied table or a branch's scale within the network; at `last` a norm's scale or an output weight too."""
    uses = list(design.graph.uses_of(name))
    within = all(node.index in design.graph.feeds_weights for node, _ in uses)
    free = all(use.role in ("weight", "table") or (use.role == "scale" and (node.kind == "scale" or (last and node.kind == "norm"))) for node, use in uses)
    output = last and len(uses) == 1 and uses[0][1].role == "weight"
    return design.moments[name] > 0.0 and free and (within or output)


def _counts(design: Design, seen: Evidence) -> _Counted:
    """What counts, but for what was zero: branches that were dropped in this run."""
    nothing = rounding(seen)
    heard = {i: f for i, f in signals(design.graph).items() if i not in nothing and (i not in seen.signals or seen.signals[i].moments.q > 0.0)}
    return _Counted(heard, {name for name in matrices(seen) if (felt := seen.parameters[name].gradient) is not None and felt.moments.q > 0.0})


def _tables(design: Design, walk: Walk, names: list[str], counted: _Counted) -> dict[str, np.ndarray]:
    """Second moments of signals, of gradients, and of what softmax and sigmoid read and the model hands out over their largest.

    A row for each; column 0 as designed, column k with weight k a little larger.
    """
    slopes = probe(design, names)
    gradients = sizes(design, slopes, counted.gradients)
    q = [wide(slopes.signals[i].q, len(names)) * factor for i, factor in counted.signals.items() if i in slopes.signals]
    logit = [
        sum((wide(slopes.signals[i].q, len(names)) / slopes.signals[i].value for i in operands), np.zeros(1 + len(names))) * size / 2.0
        for size, operands in logit_operands(design.graph, walk) if all(slopes.signals[i].value > 0.0 for i in operands)
    ]  # fmt: skip
    logit += [wide(slopes.signals[i].q, len(names)) / WIDEST for i in gate_operands(design.graph) if i in slopes.signals]
    outputs = [n.index for n in design.graph.nodes if n.kind == "affine" and n.index not in design.graph.feeds_weights and n.index in slopes.signals]
    logit += [wide(slopes.signals[i].q, len(names)) / OUTPUT for i in outputs]
    g = [wide(size, len(names)) for name, size in gradients.items() if name in counted.gradients]
    kept = {key: [row for row in rows if (row < MASKED).all() and (row > 0.0).all()] for key, rows in (("signals", q), ("gradients", g), ("logits", logit))}
    return {key: np.array(rows) for key, rows in kept.items() if rows}


def _bands(tables: dict[str, np.ndarray], room: float, level: float) -> dict[str, Band]:
    found = {}
    for key, table in tables.items():
        values, slopes = np.log(table[:, 0]), np.log(table[:, 1:] / table[:, :1]) / STEP
        width = 2.0 * math.log({"signals": room, "gradients": level, "logits": 1.0}[key])
        found[key] = Band(values, slopes, width, 1.0 if key == "gradients" else HARD, np.maximum(values, 0.0) if key == "logits" else None)
    return found
