"""A104: different samples become the same signal."""

import math
from collections.abc import Iterator

from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.gradient_flow import gradient_flow
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification, mlp
from steadygrad.rules.weights import resolution


class CorrelationCollapse(Rule):
    """The correlation c between samples goes to 1 (ordered phase): the network forgets which input it was given.

    c_l = [σ_w² E[φ(u₁)φ(u₂)] + σ_b²]/q*  has the fixed point c = 1, stable when χ₁ < 1; differences shrink by √χ₁ per
    layer. The relative difference between two samples is d = √(2(1 − c)). Once d falls below the spacing of floating
    point numbers the difference is rounded away, and no later layer can recover it. The first weights still see the
    inputs; so it is the error only when their gradient, too, is lost against the others'. Otherwise it is a warning.

    Source: Schoenholz et al. 2017, arXiv:1611.01232, eq. 4–9.
    """

    code = "A104"
    slug = "correlation-collapse"
    title = "samples become indistinguishable"
    priority = 78
    explains = ("output-constant", "vanishing-gradient", "train-eval-gap", "lr-too-low")
    thresholds = {
        "difference": Threshold(1e-3, "relative difference between samples below a thousandth of the signal"),
        "gradient": Threshold(1e-5, "relative gradients this far apart: the first layers, which still see the inputs, cannot undo it"),
        "resolution": Threshold(1.0, "multiples of machine epsilon: below one, entries of different samples are mostly the same number"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """First collapsed hidden layer; silent when the inputs are already alike."""
        given = [f.reading.samples.least_cosine for f in evidence.inputs if f.reading.samples and f.reading.samples.least_cosine is not None]
        start = min(given, default=0.0)
        if _difference(start) < 10.0 * self.threshold("difference"):
            return
        seen = list(self._differences(evidence))
        lost = [d < self.threshold("resolution") * resolution(n.outputs[0].dtype) for n, d in seen]
        if any(lost):
            node, difference = seen[lost.index(True)]
            flow = gradient_flow(evidence)
            dead = flow is not None and flow.smallest < self.threshold("gradient") * flow.largest
            stays = all(lost[lost.index(True) :])  # a token that is the same for all samples meets the others later
            if stays:
                yield self._finding("error" if dead else "warning", node.where, node.index, difference, start)
            return
        small = next(((n, d) for n, d in seen if d < self.threshold("difference")), None)
        if small is not None and seen[-1][1] < self.threshold("difference"):
            yield self._finding("warning", small[0].where, small[0].index, small[1], start)

    def _differences(self, evidence: Evidence) -> Iterator[tuple[Node, float]]:
        """Hidden layers that could tell samples apart, with the smallest relative difference between two of them."""
        asleep = _asleep(evidence, self.threshold("difference"))
        for node in evidence.graph.nodes:
            reading = evidence.signals.get(node.index)
            if node.kind not in ("affine", "activation") or node.index in asleep or node.index not in evidence.graph.feeds_weights:
                continue
            if reading is not None and reading.samples is not None and reading.samples.least_cosine is not None:
                yield node, _difference(reading.samples.least_cosine)

    def _finding(self, severity, where: str, index: int, difference: float, start: float) -> Finding:
        lost = "rounded away" if severity == "error" else "almost gone"
        return self.finding(
            severity,
            where,
            f"All samples look alike here: they differ by {difference:.1e} of the signal (inputs differ by {_difference(start):.2g}); what told them apart is {lost}.",
            evidence={"difference": difference, "input_difference": _difference(start), "input_cosine": start},
            advice="The network is in the ordered phase (χ₁ < 1): larger weights at the critical scale, a steeper activation, normalization or skip connections.",
            node=index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Constant biases that drown the signal: weights and activation are right."""
        yield Specimen("biases of 1e8 drown the signal in float32", lambda: _drowned(1e8), where="0")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Deep ReLU, where c → 1 only like 1/l²."""
        yield Specimen("40 ReLU layers, He", lambda: classification(mlp(16, *[64] * 40, 4)))


def _asleep(evidence: Evidence, small: float) -> set[int]:
    """Nodes that cannot tell samples apart by construction, until a signal that can joins them.

    A weight or gain before them starts at zero, they look up the same rows for every sample (positions, token types),
    or they start from parameters alone (learned queries).
    """
    found: set[int] = set()
    for node in evidence.graph.nodes:
        readings = (evidence.parameters.get(use.parameters[0]) for use in node.uses if use.role in ("weight", "scale"))
        zero = any(r is not None and r.value.moments.absmax == 0.0 for r in readings)
        reading = evidence.signals.get(node.index)
        cosine = reading.samples.least_cosine if reading is not None and reading.samples is not None else None
        table = any(use.role == "table" for use in node.uses) and cosine is not None and _difference(cosine) < small
        unfed = not node.inputs and node.op not in ("input", "target")
        if zero or table or unfed or (node.inputs and found.issuperset(node.inputs)):
            found.add(node.index)
    return found


def _difference(cosine: float) -> float:
    """‖x − y‖/‖x‖ of two signals of equal length with this cosine."""
    return math.sqrt(max(2.0 * (1.0 - cosine), 0.0))


def _drowned(bias: float) -> Case:
    net = mlp(16, 64, 64, 4, activation=nn.Identity)
    net[0].bias.data.fill_(bias)
    return classification(net)
