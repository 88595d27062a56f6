"""What full depth measured, as plain data with the theory's numbers beside it."""

import math
from dataclasses import asdict
from typing import Any

from steadygrad.graph.neighbours import activation_of
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.curvature import Curvature
from steadygrad.probes.experiments.jacobian import BlockSpectrum, Jacobians
from steadygrad.probes.experiments.linear_map import Spectrum
from steadygrad.probes.experiments.mode_gap import ModeGap
from steadygrad.probes.experiments.rehearsal import Rehearsal
from steadygrad.theory import activations, gaussian
from steadygrad.theory.jacobian import layer_spread


def full_depth(evidence: Evidence) -> dict[str, Any]:
    """Name → plain data of each experiment of full depth that ran; {} at fast depth."""
    found: dict[str, Any] = {}
    for name, result in evidence.experiments.items():
        if isinstance(result, Curvature | ModeGap):
            found[name] = asdict(result)
        elif isinstance(result, Rehearsal):
            found[name] = {**asdict(result), "end": result.end, "kept": result.kept, "turns": result.turns}
        elif isinstance(result, Jacobians):
            blocks = [{"where": b.where, **_numbers(b.spectrum), **_theory(evidence, b)} for b in result.blocks]
            whole = _numbers(result.whole) if result.whole is not None else None
            found[name] = {"found": result.found, "contrast": result.contrast, "whole": whole, "blocks": blocks}
    return found


def _numbers(spectrum: Spectrum) -> dict[str, Any]:
    return {**asdict(spectrum), "forward": spectrum.forward, "backward": spectrum.backward, "chaos": spectrum.chaos}


def _theory(evidence: Evidence, block: BlockSpectrum) -> dict[str, float | None]:
    """χ = fan_in·Var(w)·E[φ′(√q z)²] and the spread of Gaussian weights, for one weight with at most one activation after it.

    The spread only for linear layers: a convolution uses each weight at many places.
    """
    nodes = evidence.graph.nodes[block.start + 1 : block.end + 1]
    affine = [n for n in nodes if n.kind == "affine"]
    activation = [n for n in nodes if n.kind == "activation"]
    plain = all(n.kind in ("affine", "activation", "view", "cast", "shift") for n in nodes)
    nothing: dict[str, float | None] = {"expected_forward": None, "expected_spread": None}
    if not plain or len(affine) != 1 or len(activation) > 1 or not affine[0].uses:
        return nothing
    return _expected(evidence, affine[0], activation[0] if activation else None) or nothing


def _expected(evidence: Evidence, affine: Node, activation: Node | None) -> dict[str, float | None] | None:
    use = next((u for u in affine.uses if u.role == "weight" and u.fans is not None and not u.derived), None)
    phi = activation_of(activation) if activation is not None else activations.get("identity")
    reading = evidence.parameters.get(use.parameters[0]) if use is not None else None
    signal = evidence.signals.get(affine.index)
    if use is None or use.fans is None or phi is None or reading is None or signal is None or not math.isfinite(signal.moments.q):
        return None
    q = signal.moments.q
    slope = gaussian.slope_moment(phi, q)
    if not slope > 0.0:
        return None  # dead: theory has nothing to compare with
    chi = use.fans.fan_in * reading.value.moments.std**2 * slope
    spread = layer_spread(phi, q, fan_in=int(use.fans.fan_in), fan_out=int(use.fans.fan_out)) if affine.op == "linear" else None
    return {"expected_forward": chi, "expected_spread": spread}
