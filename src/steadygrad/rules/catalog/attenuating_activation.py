"""A105: an activation that passes only a part of the gradient, stacked deep."""

import math
from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.neighbours import LINEAR
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.pairing import call_of
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification, mlp
from steadygrad.rules.steps import momentum, step_sizes
from steadygrad.rules.weights import source_of_chain, weighted

FLAT = {"sigmoid": 0.25, "hardsigmoid": 1.0 / 6.0}


class AttenuatingActivation(Rule):
    """A stack of sigmoids multiplies the gradient by at most |w|/4 per layer, whatever the weights' usual scale.

    σ′(x) = σ(x)(1 − σ(x)) ≤ 1/4. At Xavier's scale χ₁ = E[σ′(√q z)²]·σ_w² = 0.056: the gradient's rms falls by 0.24
    per layer, a millionth after ten: a warning when a thousandth is left, and when a hundredth is under plain gradient descent, which
    does not divide by a gradient's size, so that the first weights stand still while the last ones move. With gain 4 and the mean ½ taken out by the bias (b = −½ Σⱼ wᵢⱼ) a sigmoid network
    is a tanh network, tanh(x/2) = 2σ(x) − 1, and critical at the origin.

    A softmax as hidden activation does the same at once: of n units each is about 1/n, and what tells samples apart passes
    with a slope p(1 − p) of about 1/n. Where something else shows that little arrives, it is named as the cause; as weights
    of an attention or a mixture it is no activation, and left alone.

    Source: the chapter "Numerical Stability and Initialization", section 4.8.1.1; Schoenholz et al. 2017, eq. 5.
    """

    code = "A105"
    slug = "attenuating-activation"
    title = "sigmoids stacked deep"
    priority = 34
    explains = ("vanishing-gradient", "correlation-collapse", "signal-drift", "output-constant", "lr-too-low", "layer-out-of-line", "epsilon")
    thresholds = {
        "factor": Threshold(1e-3, "predicted ratio of the gradients of first and last layer"),
        "slow": Threshold(1e-2, "the same where the optimizer does not divide gradients by their size"),
        "step": Threshold(1e-4, "rms(Δw)/((1 − momentum)·rms(w)) of the weight before the first sigmoid: ten thousand steps for its own size"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """One finding per chain of flat activations whose predicted attenuation exceeds the threshold."""
        yield from self._softmaxes(evidence)
        still = self._still(evidence)
        totals: dict[int, tuple[float, int, str, int]] = {}
        reported: set[int] = set()
        for item in weighted(evidence):
            before = evidence.graph.upstream(item.node.index, LINEAR)
            source = source_of_chain(evidence, item.node)
            if before is None or before.op not in FLAT or source is None:
                continue
            gain = item.reading.value.moments.rms * math.sqrt(item.use.fans.fan_in if item.use.fans else 1.0)
            step = gain * FLAT[before.op]
            total, count, where, first = totals.get(source.index, (1.0, 0, before.where, before.index))
            total, count = total * min(step, 1.0), count + 1
            totals[item.node.index] = (total, count, where, first)
            step = still.get(first, math.inf)
            if count >= 3 and first not in reported and (total < self.threshold("factor") or (total < self.threshold("slow") and step < self.threshold("step"))):
                reported.add(first)
                yield self._finding(where, first, before.op, count, total, step)

    def _still(self, evidence: Evidence) -> dict[int, float]:
        """First sigmoids, and what a step of plain gradient descent moves the weight before them by, in the long run."""
        optimizer = evidence.optimizer
        if optimizer is None or optimizer.name.lower() != "sgd":
            return {}
        mu = momentum(optimizer)
        readers = {node.inputs[0]: node.index for node in evidence.graph.nodes if node.op in FLAT and node.inputs}
        return {readers[s.node]: s.ratio / (1.0 - mu) for s in step_sizes(evidence) if s.node in readers} if mu < 1.0 else {}

    def _softmaxes(self, evidence: Evidence) -> Iterator[Finding]:
        """Softmaxes that stand between two weighted layers as an activation would; suspicions."""
        for item in weighted(evidence):
            before = evidence.graph.upstream(item.node.index)
            if before is None or before.kind != "softmax" or not before.inputs or not isinstance(size := before.options.get("size"), int):
                continue
            below = evidence.graph.upstream(before.index)
            if size > 2 and below is not None and below.kind == "affine" and not self._mixes_scores(evidence, below):
                yield self.finding(
                    "warning",
                    before.where,
                    f"A softmax of {size} units stands between two layers as their activation: each unit is about 1/{size}, and so is the part of the gradient that it passes.",
                    evidence={"units": size, "max_slope": 0.25, "predicted_gradient_ratio": 1.0 / size},
                    advice="Use ReLU (with He) or tanh (with Xavier) in hidden layers; softmax belongs behind the last.",
                    snippet=f"{call_of(before.where)} = torch.nn.ReLU()" if before.where else "hidden = torch.relu(hidden)",
                    node=before.index,
                    suspicion=True,
                )

    def _mixes_scores(self, evidence: Evidence, node: Node) -> bool:
        """Whether a layer works on attention's scores, as talking heads do (Shazeer et al. 2020, arXiv:2003.02436)."""
        read = evidence.graph.upstream(node.index, LINEAR)
        return read is not None and read.kind == "contract"

    def _finding(self, where: str, node: int, op: str, count: int, total: float, step: float) -> Finding:
        slow = f"; a step moves the weights before it by {step:.1e} of themselves" if step < self.threshold("step") else ""
        return self.finding(
            "warning",
            where,
            f"{count} {op} layers in a row pass at most {FLAT[op]:.2g} of the gradient each at this weight scale: {total:.1e} of it is left at the first{slow}.",
            evidence={"layers": count, "max_slope": FLAT[op], "predicted_gradient_ratio": total, "step": step if math.isfinite(step) else None},
            advice="Use ReLU (with He) or tanh (with Xavier) in hidden layers; or keep the sigmoids with gain 4 and bias −½·Σⱼ wᵢⱼ, or normalize before each.",
            snippet="for m in model.modules():\n    if isinstance(m, torch.nn.Linear):\n        torch.nn.init.xavier_normal_(m.weight, gain=4); m.bias.data = -0.5 * m.weight.data.sum(1)",
            node=node,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """The chapters' deep sigmoid network at Xavier's scale."""
        yield Specimen("20 sigmoid layers, Xavier", lambda: _sigmoid(20), where="1")
        yield Specimen("4 sigmoid layers, Xavier, plain SGD", lambda: _sigmoid(4, torch.optim.SGD), where="1")
        yield Specimen("softmax as hidden activation, where steps come to nothing", _softmax, where="1")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Two hidden sigmoid layers, as in LeNet; tanh at the same depth."""
        yield Specimen("2 sigmoid layers, Xavier", lambda: _sigmoid(2))
        yield Specimen("4 sigmoid layers, Xavier, Adam", lambda: _sigmoid(4, torch.optim.Adam))
        yield Specimen("talking heads, where steps come to nothing", _talking)
        yield Specimen("20 tanh layers, Xavier", lambda: classification(mlp(16, *[64] * 20, 4, activation=nn.Tanh)))


class _TalkingHeads(nn.Module):
    """Attention of four heads, whose scores and weights are mixed by layers of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.before, self.after, self.out = nn.Linear(16, 48), nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.enter(x).unflatten(-1, (3, 4, 4)).permute(2, 0, 3, 1, 4)
        scores = (0.5 * q @ k.transpose(-1, -2)).permute(0, 2, 3, 1)
        weights = self.after(self.before(scores).softmax(2)).permute(0, 3, 1, 2)
        return self.out((weights @ v).transpose(1, 2).flatten(2).mean(1))


def _talking() -> Case:
    net = _TalkingHeads()
    return classification(net, torch.randn(64, 9, 16, generator=torch.Generator().manual_seed(1)), optimizer=torch.optim.SGD(net.parameters(), lr=1e-4))


def _softmax() -> Case:
    net = mlp(16, 64, 4, activation=lambda: nn.Softmax(1))
    return classification(net, optimizer=torch.optim.SGD(net.parameters(), lr=0.01))


def _sigmoid(depth: int, optimizer: type[torch.optim.Optimizer] | None = None) -> Case:
    net: nn.Sequential = mlp(16, *[64] * depth, 4, activation=nn.Sigmoid)
    return classification(net, optimizer=None if optimizer is None else optimizer(net.parameters(), lr=0.01))  # type: ignore[call-arg]
