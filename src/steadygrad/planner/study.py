"""One model under design: what of it is kept, what is drawn, what is left out, and the row of each parameter."""

import math
from dataclasses import replace
from typing import Any

from torch import nn

from steadygrad.drawing import Untold
from steadygrad.errors import InputError, SteadygradError
from steadygrad.graph.flow import UNKNOWN, Walk
from steadygrad.graph.nested import named_tensors
from steadygrad.graph.sharded import any_sharded
from steadygrad.graph.signal_graph import Node, Parameter, ParameterUse, SignalGraph
from steadygrad.planner import entering, laws, standing, working_point
from steadygrad.planner.choices import Choice
from steadygrad.planner.design import Design
from steadygrad.planner.intent import intention
from steadygrad.planner.offsets import standing as standing_offsets
from steadygrad.planner.parametrized import Parametrized, found
from steadygrad.planner.refine import refine
from steadygrad.planner.row import Action, Row
from steadygrad.planner.sight import Sight
from steadygrad.planner.trial import trial
from steadygrad.probes.evidence import Evidence
from steadygrad.randomness.law import Law, constant, normal
from steadygrad.schemes.by_parameter import Load, Mixed
from steadygrad.schemes.elementary import normal as standard
from steadygrad.schemes.he import he_normal
from steadygrad.schemes.orthogonal import delta_orthogonal, orthogonal
from steadygrad.schemes.scheme import Scheme

ASKED = "as asked"
ADDING = ("join", "shift", "pointwise")
MASK = 100.0  # a second moment that grows more than this by adding numbers was masked, not made


class Study:
    """One model under design: what is kept, what is drawn, what is left out."""

    def __init__(self, model: nn.Module, sight: Sight, inputs: Any, forced: dict[str, Choice], held: dict[str, str]) -> None:
        self.sight, self.forced = sight, forced
        self.told: tuple[str, ...] = ()
        self.graph = sight.graph
        self.uses = {name: list(self.graph.uses_of(name)) for name in self.graph.parameters}
        self.why = {name: f"kept: pattern {pattern!r}" for name, pattern in held.items()}
        for name, parameter in self.graph.parameters.items():
            why = intention(parameter, [use for _, use in self.uses[name]], sight.readings.get(name))
            if why and name not in forced:
                self.why.setdefault(name, why)
        self.uncovered = {name: "no op was seen to read it" for name in self.graph.parameters if not self.uses[name] and name not in self.why}
        self.computed, self.given = found(model), dict[str, float]()
        for weight in {weight.name: weight for weight in self.computed.values()}.values():
            self._settle(weight)
        measured = {i: r for i, r in sight.ratios.items() if math.isfinite(r) and 0.0 < r < (MASK if self.graph.nodes[i].kind in ADDING else math.inf)}
        tensors = [t for _, t in named_tensors(inputs if inputs is not None else sight.inputs, "inputs")]
        batch = next((t.shape[0] for t in tensors if t.ndim), 1)
        kept = self._kept() | self.given
        stay = {} if sight.evidence is None else standing_offsets(sight.evidence, kept)
        self.design = Design(self.graph, batch, kept, measured, entering.signals(self.graph, inputs), sight.fixed, ends=sight.ends, standing=stay)
        for name, choice in self.forced.items():  # what comes after is designed for them
            node, use = self._first_use(name)
            if node is not None and use is not None and name not in self.given:
                shape = tuple(use.shape) if name in self.computed else self.graph.parameters[name].shape
                kept[name] = self._asked(node, use, replace(self.graph.parameters[name], shape=shape), choice)[0].rms(shape) ** 2

    def _settle(self, weight: Parametrized) -> None:
        """Of a weight that is computed: what is kept or asked for of one of its tensors holds for all; a scale that is not ours to choose."""
        first, *others = stored = weight.stored
        why = next((self.why[name] for name in stored if name in self.why), "")
        nature = "closed" if why else weight.nature()
        if nature == "closed":
            why = why or "its parametrization has no right_inverse through which it could be set"
            self.uncovered.update((name, why) for name in stored if name not in self.why)
            self.why.update((name, why) for name in stored)
            self.given[first] = weight.rms() ** 2
        elif nature == "fixed":
            self.given[first] = weight.rms_when_fixed() ** 2
        self.forced.update((first, self.forced[name]) for name in others if name in self.forced)

    def _kept(self) -> dict[str, float]:
        """E[w²] of everything that the design does not choose."""
        found = {}
        for name, parameter in self.graph.parameters.items():
            if name in self.why or not (self._designed(name) or self._zeroed(name)):
                reading = self.sight.readings.get(name)
                if reading is not None and reading.value.moments.finite:
                    found[name] = reading.value.moments.q
                elif self.why.get(name) == "frozen" or parameter.shape == ():
                    found[name] = 1.0
        return found

    def _zeroed(self, name: str) -> bool:
        """Whether it is a bias or shift that starts at zero, or as the activation before it asks."""
        flat = sum(size > 1 for size in self.graph.parameters[name].shape) <= 1
        return flat and all(use.role in ("bias", "shift") and not node.options.get("gates") for node, use in self.uses[name])

    def _designed(self, name: str) -> bool:
        uses, reading = self.uses[name], self.sight.readings.get(name)
        if any(use.role == "other" for _, use in uses) and any(use.role == "scale" for _, use in uses):
            return False  # numbers with a meaning, such as boxes: a token or a query is never a factor
        ones = reading is not None and reading.value.moments.q == reading.value.moments.mean == 1.0
        return any(_designs(self.graph, *use) for use in uses) or (ones and all(standing.ends_branch(self.graph, *use) for use in uses) and bool(uses))

    def row(self, parameter: Parameter, everywhere: Choice | None) -> Row:
        """What one parameter gets; tensors that a weight is computed from get that weight's law together."""
        weight = self.computed.get(parameter.name)
        if weight is None or not self.uses[parameter.name] or parameter.name in self.why:
            return self._own(parameter, everywhere)
        first = self.graph.parameters[weight.stored[0]]
        whole = self._own(replace(first, shape=self.uses[first.name][0][1].shape), everywhere)
        reason = whole.reason if parameter.name == first.name else f"set together with `{first.name}`"
        return replace(whole, name=parameter.name, shape=parameter.shape, names=parameter.names, before=self.sight.rms(parameter.name), reason=reason)

    def asked_for(self, rows: list[Row]) -> bool:
        """Put a scheme that was asked for all weights in the place of what was designed; whether there is any such weight."""
        asked = {r.name: r.after**2 for r in rows if r.after is not None and r.reason == ASKED and r.name in self.design.moments}
        self.design.moments.update(asked)
        if asked:
            centred = {r.name for r in rows if r.name in asked and r.scheme.startswith(delta_orthogonal().name)}
            self.design.centres = {n.index for n in self.graph.nodes for use in n.uses if use.parameters[0] in centred}
        return bool(asked)

    def _first_use(self, name: str) -> tuple[Node, ParameterUse] | tuple[None, None]:
        """Where a parameter's scale matters first."""
        uses = self.uses[name]
        return next(((n, u) for n, u in uses if _designs(self.graph, n, u)), uses[0] if uses else (None, None))

    def _own(self, parameter: Parameter, everywhere: Choice | None) -> Row:
        name = parameter.name
        node, use = self._first_use(name)
        before = self.sight.rms(name)
        role = use.role if use is not None else "other"
        base = Row(name, parameter.shape, role, "keep", node.label if node else "", use.fans if use else None, before=before, names=parameter.names)
        if name in self.why or node is None or use is None:
            return self._with(base, None, "", self.why.get(name, "no op was seen to read it"), before)
        if name in self.forced:
            return self._with(base, *self._asked(node, use, parameter, self.forced[name]))
        if node.options.get("gates") and node.kind == "affine":
            scheme, reason = laws.recurrent(node, use, self._first_bias(node, name))
            law = scheme.law(use.fans or laws.Fans(1.0, 1.0), 1.0)
            return self._with(base, law, repr(scheme), reason)
        if name in self.given:
            choice = everywhere if everywhere is not None else orthogonal() if len(parameter.shape) > 1 else standard(1.0)
            law, _, _ = self._asked(node, use, parameter, choice)
            made = self._with(base, law, repr(choice), "its parametrization divides the scale out")
            return replace(made, after=math.sqrt(self.given[name]))
        if name in self.design.moments:
            if everywhere is not None and role in ("weight", "table"):
                return self._with(base, *self._asked(node, use, parameter, everywhere))
            return self._with(base, *self._drawn(node, use, parameter))
        return self._rest(base, node, use, parameter)

    def _drawn(self, node: Node, use: ParameterUse, parameter: Parameter) -> tuple[Law, str, str]:
        rms, reason = math.sqrt(self.design.moments[parameter.name]), self.design.reasons[parameter.name]
        if use.role == "scale" or (self.design.scheme is None and standing.one_per_channel(node, use)):
            return constant(rms), f"constant {rms:.4g}", reason
        if use.role in ("table", "other"):
            return normal(rms), f"normal, std {rms:.4g}", reason
        if parameter.name in self.design.laws:
            return self.design.laws[parameter.name], f"normal blocks, rms {rms:.4g}", reason
        alike = he_normal() if _complex(parameter) else None  # orthogonal parts make no unitary whole
        scheme = alike or self.design.distribution(node, use)
        assert use.fans is not None
        return laws.of_size(scheme, use.fans, parameter.shape, rms), f"{scheme.name}, rms {rms:.4g}", reason

    def _asked(self, node: Node, use: ParameterUse, parameter: Parameter, choice: Choice) -> tuple[Law, str, str]:
        """A scheme by request: at the gain that keeps the signal after what the weight reads."""
        if isinstance(choice, Mixed | Load):
            choice = choice.scheme(parameter.name, parameter.shape)
        if isinstance(choice, Law):
            return choice, repr(choice), ASKED
        assert isinstance(choice, Scheme)  # resolve() leaves nothing else
        gain = working_point.gain(self.graph, node) if use.role == "weight" else 1.0
        fans = use.fans or Untold(parameter.shape)
        if choice.complex and _complex(parameter):  # it counts complex numbers, the graph real ones
            fans = laws.Fans(fans.fan_in / 2.0, fans.fan_out / 2.0)
        try:
            law = choice.law(fans, gain)
            law.rms(parameter.shape)
        except InputError as error:
            why = f"a {use.role} has no fans; give numbers, such as schemes.normal(0.1)" if "needs fans" in str(error) else str(error)
            raise InputError(f"`{choice!r}` must suit `{parameter.name}` of shape {parameter.shape}: {why}") from None
        return law, f"{choice!r}, gain {gain:.4g}", ASKED

    def _rest(self, base: Row, node: Node, use: ParameterUse, parameter: Parameter) -> Row:
        """Biases, shifts, tables without contraction, tokens."""
        flat = sum(size > 1 for size in parameter.shape) <= 1
        if self._zeroed(parameter.name):
            if use.role == "bias" and (node.index in self.design.centred or self.design.biases.get(parameter.name)):
                return self._shifted(base, node, parameter.name)
            return self._with(base, constant(0.0), "zero", "biases start at zero")
        if use.role in ("bias", "other") and not flat and base.before:
            return self._with(base, normal(base.before), f"normal, std {base.before:.4g}", "a table added to the signal: as large as the model made it")
        return self._with(base, None, "", "has numbers of its own kind" if base.before is not None else "nothing is known of its size", base.before)

    def _shifted(self, base: Row, node: Node, name: str) -> Row:
        """A bias that is drawn, or takes out the offset of the activation its weight reads."""
        weight = next(use for use in node.uses if use.role == "weight")
        variance = self.design.biases.get(name, 0.0)
        origin = working_point.origin(self.graph, node) if node.index in self.design.centred else 0.0
        law = normal(math.sqrt(variance)) if variance > 0.0 else constant(0.0)
        words = [f"normal, std {math.sqrt(variance):.4g}"] * (variance > 0.0) + [f"−{origin:.3g}·(row sums of the weight)"] * (origin != 0.0)
        drawn = self.design.reasons.get(name, f"σ_b² = {variance:.4g} of the same critical point")
        reason = drawn if variance > 0.0 else "takes out the offset of the activation before it"
        made = self._with(base, law, " and ".join(words), reason)
        return replace(made, action="draw", subtract=(weight.parameters[0], weight.unit_axis or 0, origin) if origin else None)

    def _first_bias(self, node: Node, name: str) -> bool:
        return next((u.parameters[0] for u in node.uses if u.role == "bias"), None) == name or "bias_ih" in name

    def _with(self, base: Row, law: Law | None, scheme: str, reason: str, after: float | None = None) -> Row:
        if law is None:
            return replace(base, scheme=scheme, reason=reason, after=after)
        action: Action = "reset" if getattr(law, "kind", "") == "constant" else "draw"
        return replace(base, action=action, law=law, scheme=scheme, reason=reason, after=law.rms(base.shape))

    def run(self, model: nn.Module, inputs: Any, seed: int) -> Evidence:
        """One forward and backward pass with the weights as designed so far; all is put back.

        Raises:
            InputError: on meta, where nothing can be measured.
        """
        if not self.sight.readings:
            raise InputError(f"this recipe measures, which takes numbers: got a model of {len(self.graph.parameters)} tensors on the meta device; use 'auto'")
        return trial(model, inputs, [self.row(parameter, None) for parameter in self.graph.parameters.values()], seed)

    def refine(self, model: nn.Module, inputs: Any, seed: int) -> None:
        """Where there is a batch, see what the design does before it is handed out.

        Networks of closed forms alone and without norms keep those: they are exact, and branches that are small for the sake of updates stay so.
        Processes that hold shards would each see another batch, and plan apart: they keep the closed forms too.
        """
        if inputs is None or not self.sight.readings or self.design.quiet or any_sharded(model.parameters()):
            return
        told = self.design.finish_as_is().measured
        if not any(node.kind == "norm" or (node.index in told and node.kind in UNKNOWN) for node in self.graph.nodes):
            return
        try:
            self.told = refine(self.design, lambda: self.run(model, inputs, seed), self.sight.spreads, self.sight.rms)
        except (SteadygradError, RuntimeError) as error:
            self.told = (f"not measured before it was handed out: {str(error).splitlines()[0][:160]}",)

    def notes(self, walk: Walk) -> tuple[str, ...]:
        """What theory had to be told, and what stays delicate."""
        told = sorted({self.graph.nodes[i].op for i in walk.measured if self.graph.nodes[i].kind not in ("loss",)})
        found = list(self.sight.notes)
        if told:
            how = "as they were seen to change their signal" if self.sight.ratios else "as if they kept their signal: give inputs to measure them"
            found.append(f"followed {how}: {', '.join(told)}")
        for start in {s.reason: s for s in self.design.starts.values() if "unstable" in s.reason or "repels" in s.reason}.values():
            found.append(start.reason)
        return (*found, *self.told)


def _complex(parameter: Parameter) -> bool:
    return parameter.dtype.startswith("complex")


def _designs(graph: SignalGraph, node: Node, use: ParameterUse) -> bool:
    """Whether a scale is chosen for this use."""
    if node.options.get("gates") and node.kind == "affine":
        return False
    if use.role == "other" and (node.kind == "affine" or (node.kind == "join" and node.op in ("cat", "concat"))):
        return True  # queries that are learned, tokens that stand beside the signal
    return (use.role in ("weight", "table") and use.fans is not None) or standing.scales_norm(graph, node, use)
