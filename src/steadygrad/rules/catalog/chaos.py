"""A106: small differences between inputs that grow from layer to layer."""

import math
from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.jacobian import BlockSpectrum, Jacobians
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.sensitivity import growths
from steadygrad.rules.specimens import classification, mlp


class Chaos(Rule):
    """The network is in the chaotic phase: χ₁ > 1, nearby inputs end up unrelated.

    A relative difference δ between two inputs becomes δ·∏ √χ_l/s_l, with χ_l = tr(JJᵀ)/outputs of block l's Jacobian J and s_l the
    growth of the signal. Gradients grow by the same factor on their way back. Beyond a thousand, inputs that differ by 0.1 %
    have unrelated outputs: the network can memorize, but what it learns of one input says nothing of its neighbour, and its
    loss is rough on the scale of a step. Magnitude alone, so a warning; the error where gradients explode or the loss
    diverges. Rectifiers at He's scale have χ₁ = 1. Full depth only.

    Source: Poole et al. 2016, arXiv:1606.05340, section 3; Schoenholz et al. 2017, arXiv:1611.01232, section 5.
    """

    code = "A106"
    slug = "chaos"
    title = "small differences between inputs grow layer by layer"
    priority = 52
    explains = ("exploding-gradient", "sharpness", "oscillation", "nonfinite-backward")
    thresholds = {
        "growth": Threshold(1e3, "inputs that differ by 0.1 % have unrelated outputs"),
        "contrast": Threshold(0.1, "difference that inputs 0.1 % apart really make at the output, in units of its spread over the batch"),
        "layers": Threshold(4, "growth in fewer layers is one large layer, not a phase"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding, at the first layer where differences grow; needs full depth."""
        _, growth = growths(evidence)
        found = evidence.experiments.get("jacobian")
        contrast = found.contrast if isinstance(found, Jacobians) else None
        if contrast is not None and contrast < self.threshold("contrast"):
            return  # the gradients grow, the differences do not: a backward pass that is not the derivative
        growing = [b for b in growth.blocks if b.spectrum.chaos > 1.02]
        if growth.total < self.threshold("growth") or len(growing) < self.threshold("layers"):
            return
        first = growing[0]
        per_layer = math.exp(math.fsum(math.log(b.spectrum.chaos) for b in growing) / len(growing))
        yield self.finding(
            "warning",
            first.where,
            f"Chaotic: a small relative difference between two inputs grows {per_layer:.3f}× in each of {len(growing)} layers, {growth.total:.1e}× in all;"
            f" inputs that differ by {1.0 / growth.total:.1e} have unrelated outputs.",
            evidence={
                "growth": growth.total, "per_layer": per_layer, "layers": len(growing), "contrast": contrast,
                "chi": self._chi(growing), "cosine": self._cosines(evidence),
            },
            advice="Lower the weights' scale to the critical line (χ₁ = 1; `steadygrad phase` shows it for an activation), or add skip connections.",
            node=first.end,
        )  # fmt: skip

    def _chi(self, growing: list[BlockSpectrum]) -> list[float]:
        return [b.spectrum.forward for b in growing[:50]]

    def _cosines(self, evidence: Evidence) -> list[float]:
        """Mean cosine between samples, layer by layer: in the chaotic phase it settles below 1, whatever the inputs."""
        readings = (evidence.signals.get(n.index) for n in evidence.graph.nodes if n.kind == "activation")
        found = [r.samples.cosine for r in readings if r is not None and r.samples is not None and r.samples.cosine is not None]
        return found[:50]

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Ninety tanh layers at the gain 5/3 that `calculate_gain` gives, which is chaotic: χ₁ = 1.21."""
        yield Specimen("90 tanh layers, Xavier with gain 5/3", lambda: tanh_layers(90, 5 / 3), where="0", settings={"depth": "full"})

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """The same near criticality; ReLU at He's scale, where χ₁ = 1 exactly."""
        yield Specimen("90 tanh layers, gain 1", lambda: tanh_layers(90, 1.0), settings={"depth": "full"})
        yield Specimen("30 ReLU layers, He, full depth", lambda: classification(mlp(16, *[64] * 30, 4)), settings={"depth": "full"})


def tanh_layers(depth: int, gain: float) -> Case:
    """`depth` orthogonal tanh layers, 32 wide, of this gain."""
    net = mlp(32, *[32] * depth, 4, activation=nn.Tanh)
    generator = torch.Generator().manual_seed(0)
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.orthogonal_(layer.weight, gain=gain, generator=generator)
    inputs = torch.randn(64, 32, generator=generator)
    return classification(net, inputs)
