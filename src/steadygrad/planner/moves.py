"""The smallest moves of all scales that bring signals and gradients within a band, to first order."""

import math
from typing import NamedTuple

import numpy as np

from steadygrad.graph.flow import Walk
from steadygrad.graph.ops.flow import Array
from steadygrad.planner.balance import probe, wide
from steadygrad.planner.design import Design
from steadygrad.planner.logits import logit_operands
from steadygrad.planner.spread import MASKED, matrices, signals
from steadygrad.planner.updates import sizes
from steadygrad.probes.evidence import Evidence

STEP = 1e-3  # in log E[w²], see `balance`
MOST = 2000  # weights for which the Jacobian is worth its time
SIGNALS, GRADIENTS = 8.0, 50.0  # widths of the bands: largest over smallest rms that nothing is moved for
REACH = math.log(6.0)  # no E[w²] moves further at once: a factor of 2.4 for the weights
REST = 1e-3  # pull towards no move
STEPS = 60
HARD = 10.0  # weight of signals, which are bounds, beside gradients, which come as close as these let them


class _Band(NamedTuple):
    """Logarithms of second moments as they are, their slopes in x, and how far apart they may lie; `top` for those that must not exceed it."""

    values: Array
    slopes: Array
    width: float
    weight: float = 1.0
    top: Array | None = None

    def off(self, x: Array) -> Array:
        """By how much each lies outside after the moves x."""
        now = self.values + self.slopes @ x
        if self.top is not None:
            return np.maximum(now - self.top, 0.0)
        middle = (now.max() + now.min()) / 2.0
        return now - np.clip(now, middle - self.width / 2.0, middle + self.width / 2.0)


def moves(design: Design, walk: Walk, seen: Evidence) -> dict[str, float]:
    """Weight → factor on its E[w²]; {} where nothing can be followed.

        minimize  Σ d(log q + Δ log q)² + Σ d(log G + Δ log G)² + REST·Σ x²   over x = Δ log E[w²]

    where d is the distance from a band around the middle, over signals q and gradients G per entry of weight matrices as the corrected `walk`
    follows them, by Gauss–Newton steps over what lies outside. Attention logits may not grow beyond unit size.
    """
    names = [name for name in design.moments if name not in design.starts and _movable(design, name)]
    if not 1 < len(names) <= MOST:
        return {}
    bands = _bands(design, walk, names, matrices(seen))
    if not bands:
        return {}
    x = np.zeros(len(names))
    for _ in range(STEPS):
        rows, wanted = [], []
        for band in bands:
            off = band.off(x)
            rows.append(band.weight * band.slopes[off != 0.0])
            wanted.append(-band.weight * off[off != 0.0])
        if not sum(map(len, wanted)):
            break
        a, b = np.vstack(rows), np.concatenate(wanted)
        step = np.linalg.solve(a.T @ a + REST * np.eye(len(names)), a.T @ b - REST * x)
        x = np.clip(x + step, -REACH, REACH)
        if np.abs(step).max() < 1e-3:
            break
    return {name: math.exp(move) for name, move in zip(names, x, strict=True) if abs(move) > 0.05}


def _movable(design: Design, name: str) -> bool:
    """Whether it is a weight or an untied table within the network; outputs have their size for another reason."""
    uses = list(design.graph.uses_of(name))
    inside = all(use.role in ("weight", "table") and node.index in design.graph.feeds_weights for node, use in uses)
    return inside and design.moments[name] > 0.0


def _bands(design: Design, walk: Walk, names: list[str], counted: set[str]) -> list[_Band]:
    slopes = probe(design, names)
    gradients = sizes(design, slopes)
    q = [wide(slopes.signals[i].q, len(names)) * factor for i, factor in signals(design.graph).items() if i in slopes.signals]
    logit = [
        sum((wide(slopes.signals[i].q, len(names)) / slopes.signals[i].value for i in operands), np.zeros(1 + len(names))) * size / 2.0
        for size, operands in logit_operands(design.graph, walk) if all(slopes.signals[i].value > 0.0 for i in operands)
    ]  # fmt: skip
    g = [wide(size, len(names)) for name, size in gradients.items() if name in counted]
    found = []
    for rows, width, weight, top in ((q, SIGNALS, HARD, None), (g, GRADIENTS, 1.0, None), (logit, 1.0, HARD, 0.0)):
        kept = [row for row in rows if (row < MASKED).all() and (row > 0.0).all()]
        if kept:
            table = np.array(kept)
            levels = np.log(table[:, 0])
            limit = None if top is None else np.maximum(levels, top)
            found.append(_Band(levels, np.log(table[:, 1:] / table[:, :1]) / STEP, 2.0 * math.log(width), weight, limit))
    return found
