"""Level gradients without giving up the signal: one log-scale per weight, solved for all at once."""

import numpy as np

from steadygrad.graph.flow import Walk
from steadygrad.planner.design import Design

STEP = 1e-3  # in log E[w²]: small against everything, large against rounding
MOST = 400  # weights for which the Jacobian of all moments is worth its time
REACH = float(np.log(2.0))  # no weight moves by more than a factor of √2
FORWARD, BACKWARD = 1.0, 0.25  # a signal off its size costs four times what a gradient off its level costs
REST = 1e-2  # pull towards the design, which decides between equals


def balance(design: Design, walk: Walk) -> Walk:
    """Move every drawn weight's scale to where signals stay as designed and gradients are level, in the sense of least squares.

        minimize  FORWARD·Σ (Δ log q)² + BACKWARD·Σ (log g + Δ log g − mean)² + REST·Σ x²   over x = Δ log E[w²]

    over all outputs of affine ops but the last; Δ log q and Δ log g are linear in x to first order, and their slopes come from one walk that follows
    every x moved a little at the same time. Where all fans agree nothing moves: gradients are level already.
    """
    names = [name for name in design.moments if name not in design.starts and _is_weight(design, name) and design.moments[name] > 0.0]
    if not 1 < len(names) <= MOST:
        return walk
    slopes = probe(design, names)
    places = [
        n.index for n in design.graph.nodes
        if n.kind == "affine" and n.index in design.graph.feeds_weights and n.index in slopes.gradients
        and slopes.signals[n.index].value > 0.0 and float(slopes.gradients[n.index].g[0]) > 0.0
    ]  # fmt: skip
    q = np.array([wide(slopes.signals[i].q, len(names)) for i in places])
    g = np.array([wide(slopes.gradients[i].g, len(names)) for i in places])
    if not len(places) or not (np.isfinite(q).all() and np.isfinite(g).all() and (q > 0).all() and (g > 0).all()):
        return walk
    of_q, of_g = (np.log(values[:, 1:] / values[:, :1]) / STEP for values in (q, g))
    level = np.log(g[:, 0])
    centre = np.eye(len(places)) - 1.0 / len(places)
    rows = np.vstack([FORWARD**0.5 * of_q, BACKWARD**0.5 * centre @ of_g, REST**0.5 * np.eye(len(names))])
    wanted = np.concatenate([np.zeros(len(places)), -(BACKWARD**0.5) * (centre @ level), np.zeros(len(names))])
    moves = np.clip(np.linalg.lstsq(rows, wanted, rcond=None)[0], -REACH, REACH)
    for name, move in zip(names, moves, strict=True):
        if abs(move) > 0.02:
            design.moments[name] *= float(np.exp(move))
            design.reasons[name] += f"; ×{np.exp(move / 2):.3g} to level gradients"
    return design.finish_as_is()


def _is_weight(design: Design, name: str) -> bool:
    """Whether it is a weight within the network and nothing else: outputs and shared tables have their size for another reason."""
    return name not in design.shrunk and all(use.role == "weight" and node.index in design.graph.feeds_weights for node, use in design.graph.uses_of(name))


def probe(design: Design, names: list[str]) -> Walk:
    """One walk for all hypotheses: column 0 as designed, column k with weight k a little larger."""
    base = np.ones(1 + len(names))
    for k, name in enumerate(names):
        column = base * design.moments[name]
        column[1 + k] *= np.exp(STEP)
        design.hypotheses[name] = column
    try:
        return design.finish_as_is()
    finally:
        design.hypotheses.clear()


def wide(values: np.ndarray, count: int) -> np.ndarray:
    """One value per hypothesis, also where all agree."""
    return np.broadcast_to(values, (1 + count,)) if values.shape[0] == 1 else values
