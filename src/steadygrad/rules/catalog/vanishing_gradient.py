"""G101: layers that no learning rate can move together with the others."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding
from steadygrad.rules.gradient_flow import Flow, gradient_flow
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp


class VanishingGradient(Rule):
    """The gradient shrinks so much on its way back that early layers cannot move while late ones train.

    With r = rms(∂L/∂w)/rms(w), a step of rate η changes a weight by the share η·r. If r_l/r_max is below the spacing of
    floating point numbers, then at any rate at which the fastest layer does not jump by more than itself, layer l's
    update rounds to nothing. Adaptive optimizers rescale each layer, but not below their ε (1e-8 in Adam). So an error
    is: r_l/r_max < machine epsilon and rms(∂L/∂w_l) < 1e-8, for the first third of the weights against the last third. A spread of 1e4 is a warning: 17 % of published
    architectures show it at their own defaults, and train. When *every* r_l is below ε, nothing moves at any rate up to 1.

    Gradients kept small on purpose by a learned scale that starts near zero (LayerScale, ReZero, zero gains) are
    divided by that scale first, and by an output layer's that begins next to zero.

    Source: Hochreiter 1991; the chapter "Numerical Stability and Initialization", section 4.8.1.1 (the product of
    Jacobians); Kingma & Ba 2015, algorithm 1 (ε).
    """

    code = "G101"
    slug = "vanishing-gradient"
    title = "the gradient does not reach the first layers"
    priority = 82
    anywhere = True
    explains = ("lr-too-low", "no-gradient", "subnormal")
    thresholds = {
        "spread": Threshold(1e-5, "r_l/r_max; 17 % of published architectures reach 1e-4 at their defaults"),
        "update": Threshold(1e-8, "Adam's ε: gradients below it are not rescaled any more"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding, naming where the gradient is lost."""
        flow = gradient_flow(evidence)
        if flow is None:
            return
        if all(i.relative < i.resolution and i.rms < self.threshold("update") for i in flow.items):
            yield self._nothing_moves(flow)
            return
        if flow.loss_side < flow.input_side:
            return
        unmoved = [i for i in flow.items if i.relative / flow.largest < i.resolution and i.rms < self.threshold("update")]
        if flow.input_side > flow.loss_side * flow.weakest.resolution:
            unmoved = []  # some weight off the main path is small; the first layers are not
        if unmoved:
            yield self._finding("error", flow, len(unmoved))
        elif flow.smallest / flow.largest < self.threshold("spread"):
            yield self._finding("warning", flow, 0)

    def _finding(self, severity, flow: Flow, unmoved: int) -> Finding:
        drop = flow.drop
        least = flow.weakest
        per_layer = flow.per_layer
        effect = f"{unmoved} of {len(flow.items)} weights can never move" if unmoved else "early layers learn far slower"
        return self.finding(
            severity,
            drop.where,
            f"The gradient vanishes: `{least.name}` gets rms {least.rms:.1e}, {least.relative / flow.largest:.1e} of the largest relative to its weights"
            f" ({per_layer:.2g}× per layer going back); {effect}.",
            evidence={
                "weakest": least.name, "gradient_rms": least.rms, "ratio_to_largest": least.relative / flow.largest,
                "per_layer": per_layer, "largest_drop": drop.where, "unmoved": unmoved,
            },
            advice="Re-initialize at the critical scale of the activation; else skip connections or normalization. `report.layers` shows where it is lost.",
            node=drop.index,
            parameter=least.name,
        )  # fmt: skip

    def _nothing_moves(self, flow: Flow) -> Finding:
        """Homogeneous networks share a vanishing product evenly: every weight's gradient is equally dead."""
        top = flow.strongest
        return self.finding(
            "error",
            flow.items[0].where,
            f"The gradient vanishes in all {len(flow.items)} weights: the largest, `{top.name}`, gets rms {top.rms:.1e}, {top.relative:.1e} of its weights;"
            " no learning rate up to 1 moves any of them.",
            evidence={"strongest": top.name, "gradient_rms": top.rms, "relative": top.relative, "unmoved": len(flow.items)},
            advice="The signal dies on its way forward or the loss is scaled away; re-initialize at the critical scale of the activation.",
            node=flow.items[0].index,
            parameter=flow.items[0].name,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """A factor of 1e-3 hidden in the forward of a few layers."""
        yield Specimen("outputs of five layers multiplied by 1e-4 and back", _damped)

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """LayerScale at 1e-6, also behind what is read several times or before an output layer next to zero; He at depth 30."""
        yield Specimen("residual branches with LayerScale 1e-6", _layer_scale)
        yield Specimen("LayerScale 1e-6 behind a gated branch", _gated_layer_scale)
        yield Specimen("LayerScale 1e-6 and an output layer of std 2e-5", lambda: _layer_scale(2e-5))
        yield Specimen("30 ReLU layers, He", lambda: classification(mlp(16, *[64] * 30, 4)))


class _Damp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        return g * 1e-4


class _Damped(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return _Damp.apply(x.relu())


def _damped() -> Case:
    return classification(mlp(16, *[32] * 5, 4, activation=_Damped))


class _Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.inner, self.outer, self.head = nn.Linear(16, 32), nn.Linear(32, 64), nn.Linear(64, 32), nn.Linear(32, 4)
        self.gamma = nn.Parameter(torch.full((32,), 1e-6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        return self.head(x + self.gamma * self.outer(self.inner(x).relu()))


def _layer_scale(head: float = 0.0) -> Case:
    """`head`: standard deviation of the output layer, unless torch's own."""
    torch.manual_seed(0)
    net = _Scaled()
    if head:
        nn.init.normal_(net.head.weight, std=head)
    return classification(net, batch(64, 16))


class _Gated(_Scaled):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        left, right = self.outer(self.inner(x).relu()).chunk(2, -1)
        branch = torch.cat([left * right.sigmoid(), right - left.mean(-1, keepdim=True)], -1)
        return self.head(x + self.gamma * branch)


def _gated_layer_scale() -> Case:
    torch.manual_seed(0)
    return classification(_Gated(), batch(64, 16))
