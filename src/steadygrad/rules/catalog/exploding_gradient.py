"""G102: gradients that grow on their way back."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.gradient_flow import gradient_flow
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification, mlp


class ExplodingGradient(Rule):
    """The gradient grows so much on its way back that no learning rate serves both ends of the network.

    The mirror image of G101: with r = rms(∂L/∂w)/rms(w), the rate that changes the last layers at all changes the first
    by many times their size. Error when r over the first third of the weights exceeds r over the last third by more than 1/ε of the dtype (the last layers' updates round to nothing
    at every rate that leaves the first ones in place); a spread of 1e5 is a warning. Gradients of relative size above 1
    throughout – a step of rate 1 replaces the weights – are a warning, too.

    Source: Bengio et al. 1994; the chapter "Numerical Stability and Initialization", section 4.8.1.2.
    """

    code = "G102"
    slug = "exploding-gradient"
    title = "the gradient grows towards the first layers"
    priority = 82
    anywhere = True
    explains = ("lr-too-high", "nonfinite-backward", "sharpness")
    thresholds = {
        "spread": Threshold(1e-5, "smallest over largest relative gradient"),
        "size": Threshold(1e3, "largest rms(∂L/∂w)/rms(w): a rate of 1e-3 would replace the weights in one step"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding."""
        flow = gradient_flow(evidence)
        if flow is None:
            return
        towards_input = flow.input_side > flow.loss_side
        ratio = flow.smallest / flow.largest
        large = flow.largest > self.threshold("size") and evidence.loss is not None and not evidence.conditions.cotangent
        spread = flow.loss_side / flow.input_side if flow.input_side > 0.0 else 1.0
        if not (towards_input and spread < self.threshold("spread")) and not large:
            return
        unusable = flow.loss_side < flow.input_side * flow.weakest.resolution
        top = flow.strongest
        yield self.finding(
            "error" if unusable else "warning",
            top.where,
            f"The gradient explodes: `{top.name}` gets rms {top.rms:.1e}, {top.relative:.1e} of its weights"
            + (f", {1 / ratio:.1e}× the smallest" if ratio > 0.0 else "")
            + (f" ({flow.per_layer:.3g}× per layer going back)." if towards_input else "."),
            evidence={"strongest": top.name, "gradient_rms": top.rms, "relative": top.relative, "per_layer": flow.per_layer, "ratio": ratio},
            advice="Re-initialize at the critical scale, scale the loss or targets down, or normalize. Clipping limits one step, it does not remove the cause.",
            snippet="torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
            node=top.index,
            parameter=top.name,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Targets and loss are right; the gradient is multiplied on its way back."""
        yield Specimen("gradient multiplied by 30 per layer", _amplified)

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """He at depth 30."""
        yield Specimen("30 ReLU layers, He", lambda: classification(mlp(16, *[64] * 30, 4)))


class _Amplify(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        return g * 30.0


class _Amplified(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return _Amplify.apply(x.relu())


def _amplified() -> Case:
    return classification(mlp(16, *[32] * 8, 4, activation=_Amplified))
