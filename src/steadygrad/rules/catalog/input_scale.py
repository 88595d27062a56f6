"""D102: inputs far from the scale the first layer is made for."""

import math
from collections.abc import Iterator

from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import MOVED, Node
from steadygrad.probes.evidence import Evidence, TensorFacts
from steadygrad.probes.statistics import Moments
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import facts_of, maker
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp
from steadygrad.rules.weights import before_norms


class InputScale(Rule):
    """The numbers that enter the first weighted layer are far from mean 0 and rms 1.

    Every initialization law keeps a second moment q that it takes to be about 1 at the entrance: inputs of rms s give
    first pre-activations of rms s. From s = 10 on a tanh or sigmoid is saturated for most samples, and since the
    curvature of the loss in the first weights grows as s², the largest stable learning rate falls as 1/s². With a mean
    of m standard deviations one direction of curvature is 1 + m² times the rest, and training crawls along the others.
    Features of very different scale do the same: the condition number is the square of the ratio of their scales.

    Zeros are left out of the scale, so that one-hot and sparse inputs pass. Inputs that meet a normalization layer
    first, and integer inputs, are not judged, nor is the scale of inputs whose first weights stand before one, which divides it out. A warning; the error when something downstream breaks by it.

    Source: LeCun, Bottou, Orr & Müller 1998, "Efficient BackProp", section 4.3; LeCun, Kanter & Solla 1991.
    """

    code = "D102"
    slug = "input-scale"
    title = "inputs far from mean 0 and rms 1"
    priority = 40
    needs_data = True
    explains = (
        "saturation", "dead-units", "lr-too-high", "lr-too-low", "exploding-gradient", "vanishing-gradient", "no-gradient", "signal-drift",
        "loss-at-start", "nonfinite-forward", "nonfinite-backward", "layer-out-of-line", "correlation-collapse", "half-range",
        "output-constant", "chaos", "attention-logits", "train-eval-gap", "unstable-log", "correlated-inputs", "head-activation", "sharpness",
        "attenuating-activation", "epsilon",
    )  # fmt: skip
    thresholds = {
        "large": Threshold(10.0, "rms ten times what initialization assumes: 99 % of |z| > 0.1·10 and stable rates fall by 100"),
        "small": Threshold(0.1, "rms a tenth: first-layer gradients and their effect on the output fall by 100 together"),
        "mean": Threshold(3.0, "|mean| in standard deviations: one direction of curvature is 1 + 3² = 10 times the others"),
        "features": Threshold(100.0, "largest over smallest feature scale: condition number 10⁴"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Each batch tensor once, at the first weighted layer it enters."""
        seen: set[str] = set()
        normed = before_norms(evidence)
        for node in evidence.graph.nodes:
            if node.kind != "affine" or not node.inputs or any(use.role == "table" for use in node.uses):
                continue
            entrance = _entrance(evidence, node)
            if entrance is None or entrance[0].name in seen:
                continue
            facts, moments, root = entrance
            seen.add(facts.name)
            found = self._finding(evidence, facts, moments, root, node, node.index in normed)
            if found is not None:
                yield found

    def _finding(self, evidence: Evidence, facts: TensorFacts, moments: Moments, root: Node, first: Node, normed: bool) -> Finding | None:
        alone = moments.count == 1 and moments.zero_share == 0.0  # a batch of one number has a size, if no spread
        if not facts.dtype.startswith(("float", "bfloat")) or moments.nonfinite or not (moments.std > 0.0 or alone):
            return None
        rms = moments.rms / math.sqrt(1.0 - moments.zero_share)
        shift = abs(moments.mean) / moments.std if moments.std > 0.0 else 0.0
        numbers = {"tensor": facts.name, "rms": moments.rms, "rms_of_nonzero": rms, "mean": moments.mean, "std": moments.std}
        what = f"`{facts.name}` enters `{first.where or first.op}` with mean {moments.mean:.3g} and std {moments.std:.3g}"
        if not normed and rms > self.threshold("large"):
            why = f"rms {rms:.3g}, {rms:.0f} times what initialization assumes; pre-activations and gradients are that much too large"
        elif not normed and rms < self.threshold("small"):
            why = f"rms {rms:.2g}, {1 / rms:.0f} times below what initialization assumes; the first layer hardly sees them"
        elif shift > self.threshold("mean"):
            why = f"the mean is {shift:.1f} standard deviations from zero, so all samples look alike to the first layer"
        else:
            return self._by_feature(evidence, facts, root, numbers)
        return self._say(f"{what}: {why}.", numbers, root)

    def _by_feature(self, evidence: Evidence, facts: TensorFacts, root: Node, numbers: dict[str, object]) -> Finding | None:
        probed = evidence.experiments.get("batch", {}).get(facts.name)
        if probed is None or probed.scales is None:
            return None
        small, large, low, high = probed.scales
        if not small > 0.0 or large / small <= self.threshold("features"):
            return None
        return self._say(
            f"Feature {high} of `{facts.name}` has rms {large:.3g}, feature {low} has {small:.3g}: the loss is {(large / small) ** 2:.0e} times"
            " more curved along one than along the other.",
            {**numbers, "largest": large, "smallest": small},
            root,
        )

    def _say(self, message: str, numbers: dict[str, object], root: Node) -> Finding:
        return self.finding(
            "warning",
            "inputs",
            message,
            evidence=numbers,
            advice="Standardize inputs with mean and deviation of the training data, per feature or per channel.",
            snippet="mean, std = train_inputs.mean(0), train_inputs.std(0).clamp_min(1e-6)\ninputs = (inputs - mean) / std",
            node=root.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Pixels 0 … 255; tiny readings; a large offset; one feature in other units."""
        yield Specimen("pixels from 0 to 255", lambda: classification(mlp(16, 32, 4), batch(64, 16).sigmoid() * 255), where="inputs")
        yield Specimen("inputs of rms 0.001", lambda: classification(mlp(16, 32, 4), batch(64, 16) * 1e-3), where="inputs")
        yield Specimen("offset of six deviations", lambda: classification(mlp(16, 32, 4), batch(64, 16) + 6.0), where="inputs")
        yield Specimen("one feature a thousandth of the rest", _uneven, where="inputs")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Standard normal inputs, pixels from 0 to 1, sparse one-hot rows; a norm right behind the first layer."""
        yield Specimen("standardized", lambda: classification(mlp(16, 32, 4)))
        yield Specimen("pixels from 0 to 1", lambda: classification(mlp(16, 32, 4), batch(64, 16).sigmoid()))
        yield Specimen("one-hot rows", _one_hot)
        yield Specimen("a norm divides the scale out", lambda: classification(nn.Sequential(*mlp(16, 32), nn.BatchNorm1d(32), nn.ReLU(), *mlp(32, 4)), batch(64, 16) * 0.05))


def _entrance(evidence: Evidence, node: Node) -> tuple[TensorFacts, Moments, Node] | None:
    """The batch tensor that enters a layer through nothing but arithmetic without parameters, and its moments there."""
    graph = evidence.graph
    last = maker(graph, node.inputs[0], MOVED)
    root = maker(graph, last.index, (*MOVED, "pointwise"))
    facts = facts_of(evidence, root)
    if facts is None or root.op != "input":
        return None
    if last is root:
        return facts, facts.reading.moments, root
    reading = evidence.signals.get(last.index)
    return (facts, reading.moments, root) if reading is not None else None


def _uneven() -> Case:
    inputs = batch(64, 16)
    inputs[:, 5] *= 1e-3
    return classification(mlp(16, 32, 4), inputs)


def _one_hot() -> Case:
    rows = (batch(64, 200) == batch(64, 200).amax(1, keepdim=True)).float()
    return classification(mlp(200, 32, 4), rows)
