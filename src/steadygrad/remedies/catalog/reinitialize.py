"""Draw every weight anew at the scale its use asks for."""

import torch

from steadygrad.case import Case
from steadygrad.errors import InputError, ModelError
from steadygrad.graph.neighbours import activation_of, next_activation, preceding_activation
from steadygrad.graph.signal_graph import Node, ParameterUse, SignalGraph
from steadygrad.graph.wrappers import parameter_records, unwrap
from steadygrad.pipeline import observe
from steadygrad.randomness.backends.numpy import draw
from steadygrad.randomness.law import normal
from steadygrad.remedies.change import Change
from steadygrad.remedies.remedy import Remedy
from steadygrad.rules.finding import Finding
from steadygrad.schemes import SCHEMES
from steadygrad.theory.starting_point import StartingPoint, starting_point


class Reinitialize(Remedy):
    """Every weight at the starting point theory gives for the activation it reads (see theory.starting_point).

    He for rectifiers, Xavier at the critical gain 1/φ′(0) for tanh-like ones, half-stable points for GELU and SiLU. A
    sigmoid's mean ½ is taken out by the bias −½·Σⱼ wᵢⱼ: the network starts as a tanh network. Every entry is a pure function of (seed, parameter name, index).

    Source: He et al. 2015, eq. 10; Glorot & Bengio 2010, eq. 12; theory.starting_point.
    """

    name = "reinitialize"
    heals = ("weight-scale", "symmetric-units", "attenuating-activation", "dead-units", "vanishing-gradient", "exploding-gradient", "signal-drift")
    side_effects = "all trainable weights and biases of affine layers are drawn anew; what they had learned is lost"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def propose(self, finding: Finding, case: Case) -> Change:
        """New weights and biases for every affine layer that owns its weight directly and trains it.

        Raises:
            ModelError: there is no such layer.
        """
        graph = observe(case).graph
        model, _ = unwrap(case.model)
        records = parameter_records(model)
        tensors = {records[id(p)].name: p for p in model.parameters()}
        targets: list[tuple[torch.Tensor, torch.Tensor]] = []
        details: dict[str, str] = {}
        for node in graph.nodes:
            weight = next((u for u in node.uses if u.role in ("weight", "recurrent") and u.fans and not u.derived), None)
            if weight is None or weight.parameters[0] in details or not tensors[weight.parameters[0]].requires_grad:
                continue
            values, words = self._weight(graph, node, weight, tensors[weight.parameters[0]])
            targets.append((tensors[weight.parameters[0]], values))
            details[weight.parameters[0]] = words
            bias = next((u for u in node.uses if u.role == "bias" and not u.derived and tensors[u.parameters[0]].ndim == 1), None)
            if bias is not None and tensors[bias.parameters[0]].requires_grad:
                shift, words = self._bias(graph, node, weight, values, bias.parameters[0])
                targets.append((tensors[bias.parameters[0]], shift))
                details[bias.parameters[0]] = words
        if not targets:
            raise ModelError(f"`{finding.where}`: no trainable affine weight to draw anew was found (0 of {len(tensors)} parameters)")
        return Change(self.name, f"Drawn anew at the critical scale because of {finding.code} {finding.slug}.", details, targets)

    def _weight(self, graph: SignalGraph, node: Node, use: ParameterUse, tensor: torch.Tensor) -> tuple[torch.Tensor, str]:
        start = _start(graph, node)
        assert use.fans is not None  # propose() picks uses with fans
        if start is None:  # nothing nonlinear before it: keep the signal, in the manner of the activation that follows
            after = activation_of(next_activation(graph, node.index))
            scheme, gain = SCHEMES["he_normal" if after is not None and after.homogeneous else "glorot_normal"], 1.0
        else:
            scheme, gain = SCHEMES[start.scheme], start.gain
        law = scheme().law(use.fans, gain)
        drawn = draw(law, tuple(tensor.shape), "float32", name=use.parameters[0], seed=self.seed)
        return torch.from_numpy(drawn).to(tensor), f"{scheme.name}, gain {gain:.4g}: std {law.std:.4g}"

    def _bias(self, graph: SignalGraph, node: Node, use: ParameterUse, weight: torch.Tensor, name: str) -> tuple[torch.Tensor, str]:
        start = _start(graph, node)
        axis = use.unit_axis if use.unit_axis is not None else 0
        rows = weight.movedim(axis, 0).flatten(1)
        if start is None or not (start.centred or start.bias_variance > 0.0):
            return torch.zeros(len(rows)).to(weight), "zero"
        words, values = [], torch.zeros(len(rows)).to(weight)
        if start.bias_variance > 0.0:
            values += torch.from_numpy(draw(normal(start.bias_variance**0.5), (len(rows),), "float32", name=name, seed=self.seed)).to(weight)
            words.append(f"std {start.bias_variance**0.5:.4g}")
        before = activation_of(preceding_activation(graph, node.index))
        if start.centred and before is not None:
            values -= float(before.phi(0.0)) * rows.sum(1)
            words.append("−φ(0)·row sums of the weight")
        return values, " and ".join(words)


def _start(graph: SignalGraph, node: Node) -> StartingPoint | None:
    """Theory's starting point for the activation whose outputs this weight reads."""
    before = activation_of(preceding_activation(graph, node.index))
    try:
        return None if before is None else starting_point(before)
    except InputError:
        return None
