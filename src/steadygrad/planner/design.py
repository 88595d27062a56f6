"""Choose the scale of every weight in one walk along the signal, by what its output is for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import sqrt

import numpy as np

from steadygrad.graph.flow import Walk
from steadygrad.graph.neighbours import activation_of, constant_factor, factor_into_stream, next_activation
from steadygrad.graph.ops.flow import Array, Gradient, Offset, Signal
from steadygrad.graph.ops.recurrent import at_least
from steadygrad.graph.signal_graph import Node, ParameterUse, SignalGraph
from steadygrad.planner import waves, working_point
from steadygrad.planner.blocks import Branch, branches, quiet
from steadygrad.planner.laws import distribution
from steadygrad.planner.logits import shrink_logits
from steadygrad.planner.standing import ends_branch, gate_behind, held, longest_chain, reads_state, scales_norm
from steadygrad.planner.ties import caps
from steadygrad.randomness.law import Law
from steadygrad.schemes.orthogonal import delta_orthogonal
from steadygrad.schemes.scheme import Scheme
from steadygrad.theory.moment_table import table
from steadygrad.theory.starting_point import StartingPoint

OUTPUT = 0.5
"""Second moment of the model's outputs: a softmax over them starts within 1/4 nat of ln C. Smaller ones start regressions closer to their
targets, but hand less gradient back to the layers before (benchmarks/init_quality.py)."""


@dataclass
class Design:
    """Scales under construction.

    Attributes:
        kept: E[w²] of parameters that keep their numbers.
        measured: node → how much it was seen to change the second moment.
        inputs: moments of what enters.
        fixed: node → second moment of what is made of inputs alone.
        moments, reasons: E[w²] of every parameter whose scale is chosen, and why it is so.
        starts: weights that have theory's critical point, which nothing later moves.
        biases: variance of biases that such points want random.
        centred: ops whose bias takes out the offset of what they read.
        shrunk, caps: factors and limits found on an earlier walk: attention logits, tables shared with the output layer.
        laws: weights whose law a recipe gives whole.
        ends: node → second moment of the gradient it gets from the loss, relative to that of the others.
        corrections, returned, pulls: op → measured over predicted second moment of its signal and of its gradient, and weight → of its
            gradient per entry, from a run with the weights designed so far.
        offsets: activation → mean of what it read in that run.
        standing: the same as far as it holds for all weights, as the model came.
        hypotheses: E[w²] of several variants side by side, for one walk.
        ahead: states of gated recurrences count as large as they become once gates are open (`Walk.ahead`): while scales are chosen, not when
            they are set beside a run.
        scheme: what a recipe draws all weights from; None to choose for each.
    """

    graph: SignalGraph
    batch: int
    kept: Mapping[str, float]
    measured: Mapping[int, float]
    inputs: Mapping[int, Signal]
    fixed: Mapping[int, float] = field(default_factory=dict)
    moments: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    starts: dict[str, StartingPoint] = field(default_factory=dict)
    biases: dict[str, float] = field(default_factory=dict)
    centred: set[int] = field(default_factory=set)
    shrunk: dict[str, float] = field(default_factory=dict)
    caps: dict[str, float] = field(default_factory=dict)
    laws: dict[str, Law] = field(default_factory=dict)
    ends: Mapping[int, float] = field(default_factory=dict)
    corrections: dict[int, float] = field(default_factory=dict)
    returned: dict[int, float] = field(default_factory=dict)
    pulls: dict[str, float] = field(default_factory=dict)
    offsets: dict[int, Offset] = field(default_factory=dict)
    standing: Mapping[int, Offset] = field(default_factory=dict)
    hypotheses: dict[str, Array] = field(default_factory=dict)
    ahead: bool = True
    scheme: Scheme | None = None

    def __post_init__(self) -> None:
        self.branches = branches(self.graph)
        self.handles: dict[str, Branch] = {}
        self.quiet = quiet(self.graph, self.branches)
        self._chains: dict[str, int] = {}
        for branch in self.branches.values():
            if branch.handle is not None:
                self.handles.setdefault(branch.handle[1].parameters[0], branch)

    @cached_property
    def centres(self) -> set[int]:
        """Convolutions whose kernels are drawn with nothing but their centre tap, which loses nothing at borders."""
        drawn = [(n, u) for n in self.graph.nodes for u in n.uses if u.role == "weight" and len(u.shape) > 2 and u.parameters[0] not in self.kept]
        return {n.index for n, u in drawn if self.distribution(n, u).name == delta_orthogonal().name}

    def distribution(self, node: Node, use: ParameterUse) -> Scheme:
        """What a weight is drawn from, apart from its scale."""
        return self.scheme or distribution(self.graph, node, use, use.shape, self.handles.get(use.parameters[0]), held(self.graph, node))

    # -- walking ------------------------------------------------------------------------------------------------------

    def moment(self, use: ParameterUse) -> Array:
        """E[w²] of an operand: as kept, as designed, or 1 for norms' scales and 0 for biases not met yet; as much more as constants make of it."""
        return self._stored(use) * use.growth

    def _stored(self, use: ParameterUse) -> Array:
        name = use.parameters[-1] if use.parameters[-1] in self.moments else use.parameters[0]
        if name in self.hypotheses:
            return self.hypotheses[name]
        if name in self.moments:
            return np.array([self.moments[name]])
        if name in self.kept or name in self.biases:
            return np.array([self.kept.get(name, self.biases.get(name, 0.0))])
        return np.array([0.0 if use.role in ("bias", "shift") else 1.0])

    def walk(self) -> Walk:
        """Follow the signal through the graph as designed so far; weights met for the first time are designed."""
        return self._follow(self.blank_walk())

    def _follow(self, walk: Walk) -> Walk:
        for node in self.graph.nodes:
            if node.index in self.inputs:
                walk.signals[node.index] = self.inputs[node.index]
                continue
            self._meet(walk, node)
            walk.forward(node)
        return walk

    def blank_walk(self) -> Walk:
        """A walk that has not begun."""
        told = self.measured.get
        return Walk(self.graph, self.batch, self.moment, lambda node: told(node.index),
                    centred=self.centred, centres=self.centres, corrections=self.corrections, returned=self.returned, fixed=self.fixed, ahead=self.ahead,
                    offsets={**self.standing, **self.offsets})

    def finish(self) -> Walk:
        """Design all, then bring attention logits down where the model does not."""
        for _ in range(4):
            caps, walk = dict(self.caps), self.walk()
            if not shrink_logits(self, walk) and caps == self.caps:
                break
            for found in (self.moments, self.centred, self.starts, self.biases):
                found.clear()
        return self.back(self.walk())

    def finish_as_is(self) -> Walk:
        """The walk of the design as it stands."""
        return self.back(self.walk())

    def growth(self) -> dict[int, float]:
        """Node → by how much its second moment grows as gates of recurrences open; {} where there are none."""
        if not any(at_least(node) for node in self.graph.nodes):
            return {}
        now, then = (self._follow(replace(self.blank_walk(), ahead=ahead)).signals for ahead in (False, True))
        return {i: then[i].value / now[i].value for i in now if now[i].value > 0.0}

    def back(self, walk: Walk) -> Walk:
        """The same walk with gradients, from where the loss hands them in."""
        walk.backward({i: Gradient(np.array([g])) for i, g in (self.ends or dict.fromkeys(self.graph.outputs, 1.0)).items()})
        return walk

    # -- one weight ---------------------------------------------------------------------------------------------------

    def _meet(self, walk: Walk, node: Node) -> None:
        for use in node.uses:
            name = use.parameters[0]
            if name in self.kept or name in self.moments:
                if use.role == "weight" and name in self.moments and node.index not in self.graph.feeds_weights and len(self._uses(name)) > 1:
                    self._tie(walk, node, use, name)
                continue
            if use.role == "table" and use.fans is not None:
                factor, bag = constant_factor(self.graph, node.index), use.fans.fan_in
                words = ("rows" if bag == 1.0 else "bags") + " of unit size" + (f" as the model multiplies them by {factor:.4g}" if factor != 1.0 else "")
                self._set(name, 1.0 / (bag * factor**2), words)
            elif use.role == "weight" and use.fans is not None:
                self._weight(walk, node, use, name)
            elif scales_norm(self.graph, node, use):
                self._norm(walk, node, name)
            elif ends_branch(self.graph, node, use):
                self._branch_scale(walk, node, name)
            elif use.role == "other" and node.kind == "affine":
                self._set(name, 1.0, "learned queries of unit size")
            elif use.role == "other" and node.kind == "join" and node.op in ("cat", "concat") and node.inputs:
                self._set(name, walk.signals[node.inputs[0]].value, "tokens as large as the signal they stand beside")

    def _uses(self, name: str) -> list[tuple[Node, ParameterUse]]:
        return list(self.graph.uses_of(name))

    def _set(self, name: str, moment: float, reason: str) -> None:
        shrink = self.shrunk.get(name, 1.0)
        if name in self.caps and self.caps[name] < moment:
            moment, reason = self.caps[name], "a table is shared with the output layer: outputs of rms at most 1"
        self.moments[name] = max(moment, 0.0) * shrink
        self.reasons[name] = reason if shrink == 1.0 else f"{reason}; smaller by {sqrt(shrink):.3g} for attention logits of unit size"

    def _norm(self, walk: Walk, node: Node, name: str) -> None:
        """One, or the branch's share; and more where a gate multiplies what it makes, which then has that size."""
        gate = gate_behind(self.graph, node)
        phi = activation_of(gate)
        left = 1.0 if phi is None else float(table(phi).second(np.ones(1))[0])
        gated = "" if gate is None else f", over the rms {sqrt(left):.3g} of its {gate.op}"
        branch = self.handles.get(name)
        if branch is None or branch.length < 2 or branch.handle is None or branch.handle[0] not in range(len(self.graph.nodes)):
            self._set(name, 1.0 / left, f"a norm's scale starts at 1{gated}")
            return
        share = max(self._budget(walk, branch) if not branch.normed else 0.0, 1.0 / branch.length)  # streams that gates shrink are filled up again
        self._set(name, share / left, f"one of {branch.length} branches of a stream{gated}")

    def _branch_scale(self, walk: Walk, node: Node, name: str) -> None:
        branch, unit = self.handles.get(name), walk.signals[node.inputs[0]].value
        if branch is None or branch.length < 2 or not unit > 0.0:
            self._set(name, 1.0, "a branch's scale starts at 1")
        else:
            self._set(name, min(self._budget(walk, branch) / unit, 1.0), f"one of {branch.length} branches of a stream")

    def _budget(self, walk: Walk, branch: Branch) -> float:
        stream = walk.signals[branch.stream].value if branch.stream in walk.signals else 1.0
        return (max(stream, 1.0) if branch.normed else stream or 1.0) / branch.length

    def _weight(self, walk: Walk, node: Node, use: ParameterUse, name: str) -> None:
        start = working_point.start(self.graph, node, self._chain)
        if start is not None and start.centred and self._bias_of(node):
            self.centred.add(node.index)
        incoming = walk.passage(node).incoming
        q = incoming[0].value if incoming else 1.0
        assert use.fans is not None
        fan_in = use.fans.fan_in * use.growth
        unit = fan_in * (q if q > 0.0 else 1.0)
        branch = self.handles.get(name)
        if branch is not None and branch.handle is not None and branch.handle[0] == node.index:
            share = f"one of {branch.length} branches of a stream" if branch.length > 1 else "as large as the stream it joins"
            self._set(name, self._budget(walk, branch) * self.quiet.get(name, 1.0) / unit / self._multiplied(node), share)
        elif node.index not in self.graph.feeds_weights:
            summed = waves.sums_waves(self.graph, node)
            why = "a sum of waves is noise until it is fitted" if summed else "so that the loss starts where guessing does"
            moment = waves.SUMMED if summed else OUTPUT
            when = " once the gates of the state are open" if reads_state(self.graph, node) else ""
            self._set(name, moment / unit, f"outputs of rms {sqrt(moment):.2g}{when}, {why}")
        elif start is not None:
            self.starts[name] = start
            self.biases.update((use.parameters[0], start.bias_variance) for use in node.uses if use.role == "bias")
            self._set(name, start.gain**2 / fan_in / self._multiplied(node), start.reason)
        elif waves.reads_coordinates(self.graph, node, self.inputs):
            self._set(name, 1.0 / (3.0 * use.fans.fan_in * fan_in), "coordinates into a wave: the model's factor sets the frequencies (SIREN)")
            for bias in (u.parameters[0] for u in node.uses if u.role == "bias"):
                self.biases[bias] = waves.phases(waves.frequency(self.graph, node))
                self.reasons[bias] = "phases spread over one period"
        else:
            target, why = working_point.target(self.graph, node, self._chain)
            if name in self.quiet:
                why = f"{why}, ×{sqrt(self.quiet[name]):.3g} so that updates do not grow with the number of branches (Fixup)"
            self._set(name, target * self.quiet.get(name, 1.0) / unit / self._multiplied(node), why)

    def _multiplied(self, node: Node) -> float:
        """The square of what the model multiplies this output by on its way into an activation or a stream: sin(30·Wx) needs a W 30 times smaller."""
        factor = constant_factor if next_activation(self.graph, node.index) is not None else factor_into_stream
        return factor(self.graph, node.index) ** 2

    def _chain(self, op: str) -> int:
        if op not in self._chains:
            self._chains[op] = longest_chain(self.graph, op)
        return self._chains[op]

    def _bias_of(self, node: Node) -> bool:
        return any(use.role == "bias" and use.parameters[0] not in self.kept and not use.derived for use in node.uses)

    def _tie(self, walk: Walk, node: Node, use: ParameterUse, name: str) -> None:
        """A table that is also the output layer: the smaller of its two answers."""
        incoming = walk.passage(node).incoming
        assert use.fans is not None
        made = use.fans.fan_in * use.growth * max(incoming[0].value if incoming else 1.0, 1e-12)
        wanted = 1.0 / (made * constant_factor(self.graph, node.index) ** 2)
        if wanted < self.moments[name] * (1.0 - 1e-9):
            self.caps.update(caps(self.graph, node, name, wanted, set(self.moments)))
