"""Draw every weight anew at the scale its use asks for."""

import torch

from steadygrad import schemes
from steadygrad.case import Case
from steadygrad.errors import ModelError
from steadygrad.graph.signal_graph import Node, ParameterUse, SignalGraph
from steadygrad.graph.wrappers import parameter_records, unwrap
from steadygrad.pipeline import observe
from steadygrad.randomness.backends.numpy import draw
from steadygrad.remedies.change import Change
from steadygrad.remedies.remedy import Remedy
from steadygrad.rules.finding import Finding
from steadygrad.rules.scales import activation_of, next_activation, preceding_activation
from steadygrad.theory import gaussian


class Reinitialize(Remedy):
    """He for rectifiers, Xavier at the critical gain 1/φ′(0) for smooth activations, biases zero.

    Where the activation before a weight has φ(0) ≠ 0 (sigmoid: ½), the bias is −φ(0)·Σⱼ wᵢⱼ, which makes the layer read
    φ − φ(0): a sigmoid network starts as a tanh network. Every entry is a pure function of (seed, parameter name, index).

    Source: He et al. 2015, eq. 10; Glorot & Bengio 2010, eq. 12; theory.maps for the critical gain.
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
                shift = self._shift(graph, node, weight, values)
                targets.append((tensors[bias.parameters[0]], shift.expand_as(tensors[bias.parameters[0]]).clone()))
                details[bias.parameters[0]] = "−φ(0)·row sums of the weight" if bool(shift.any()) else "zero"
        if not targets:
            raise ModelError(f"`{finding.where}`: no trainable affine weight to draw anew was found (0 of {len(tensors)} parameters)")
        return Change(self.name, f"Drawn anew at the critical scale because of {finding.code} {finding.slug}.", details, targets)

    def _weight(self, graph: SignalGraph, node: Node, use: ParameterUse, tensor: torch.Tensor) -> tuple[torch.Tensor, str]:
        before = activation_of(preceding_activation(graph, node.index))
        family = before or activation_of(next_activation(graph, node.index))
        assert use.fans is not None  # propose() picks uses with fans
        if family is not None and family.homogeneous:
            gain = gaussian.forward_gain(before) if before is not None else 1.0
            scheme = schemes.he_normal()
        else:
            slope = abs(float(before.derivative(0.0))) if before is not None else 1.0
            gain = 1.0 / slope if slope > 0.0 else 1.0
            scheme = schemes.glorot_normal()
        law = scheme.law(use.fans, gain)
        drawn = draw(law, tuple(tensor.shape), "float32", name=use.parameters[0], seed=self.seed)
        return torch.from_numpy(drawn).to(tensor), f"{scheme.name}, gain {gain:.4g}: std {law.std:.4g}"

    def _shift(self, graph: SignalGraph, node: Node, use: ParameterUse, values: torch.Tensor) -> torch.Tensor:
        before = activation_of(preceding_activation(graph, node.index))
        origin = float(before.phi(0.0)) if before is not None else 0.0
        axis = use.unit_axis if use.unit_axis is not None else 0
        if origin == 0.0:
            return torch.zeros((), dtype=values.dtype, device=values.device)
        return -origin * values.movedim(axis, 0).flatten(1).sum(1)
