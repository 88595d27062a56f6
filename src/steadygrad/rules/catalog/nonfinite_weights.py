"""N101: parameters or buffers that hold NaN or infinity."""

import math
from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.statistics import Moments
from steadygrad.rules.catalog.poisoned_statistics import STATISTICS
from steadygrad.rules.finding import Finding, Severity
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.specimens import classification, mlp


class NonfiniteWeights(Rule):
    """A parameter or buffer holds NaN or infinity before training begins.

    w ← w − η g never makes a number of a NaN, and one such weight makes the loss NaN. It comes from a checkpoint saved
    after divergence, from `torch.empty` that nobody filled, or from 0/0 in an initialization.

    An error for what is trained; for fixed tensors and buffers only when the forward or backward is not finite, because
    masks hold −∞ and bookkeeping holds ∞ on purpose. Running statistics are B104's.

    Source: IEEE 754-2019, section 6 (propagation of NaN and infinity).
    """

    code = "N101"
    slug = "nonfinite-weights"
    title = "NaN or infinity in parameters or buffers"
    priority = 0
    explains = (
        "nonfinite-forward", "nonfinite-backward", "half-range", "poisoned-statistics", "signal-drift", "exploding-gradient",
        "vanishing-gradient", "no-gradient", "loss-at-start", "output-constant", "saturation", "dead-units", "lr-too-high",
        "lr-too-low", "symmetric-units", "weight-scale", "correlation-collapse", "train-eval-gap", "unstable-log",
        "layer-out-of-line", "attention-logits", "one-value-per-channel",
    )  # fmt: skip

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Parameters in the model's order, then buffers."""
        loss = evidence.loss.value if evidence.loss is not None else None
        spoilt = evidence.first_nonfinite is not None or evidence.first_nonfinite_gradient is not None
        spoilt = spoilt or (loss is not None and not math.isfinite(loss))
        for name, record in evidence.graph.parameters.items():
            moments = evidence.parameters[name].value.moments
            used = next((node.index for node, _ in evidence.graph.uses_of(name)), None)
            if moments.nonfinite and (record.requires_grad or spoilt):
                lasting = used is not None and (record.requires_grad or moments.nan > 0)
                yield self._finding("error" if lasting else "warning", record.module, "parameter", name, moments, used)
        for name, reading in evidence.buffers.items():
            path, _, kind = name.rpartition(".")
            if reading.moments.nan and spoilt and kind not in STATISTICS:
                node = next((n.index for n in evidence.graph.nodes if n.where == path and n.kind != "view"), None)
                yield self._finding("error", path, "buffer", name, reading.moments, node)

    def _finding(self, severity: Severity, where: str, kind: str, name: str, moments: Moments, node: int | None) -> Finding:
        infinite = moments.posinf + moments.neginf
        kinds = [f"{n:,} {what}" for n, what in ((moments.nan, "NaN"), (infinite, "infinite")) if n]
        return self.finding(
            severity,
            where,
            f"The {kind} `{name}` holds {' and '.join(kinds)} of {moments.count:,} values"
            + ("; no step can make numbers of them." if node is not None else "; this forward did not use it."),
            evidence={"tensor": name, "nan": moments.nan, "infinite": infinite, "count": moments.count},
            advice="Re-initialize it, or load a checkpoint from before the divergence; look for torch.empty that nothing fills.",
            snippet="bad = [n for n, p in model.state_dict().items() if p.is_floating_point() and not p.isfinite().all()]",
            node=node,
            parameter=name if kind == "parameter" else "",
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """One NaN in the middle; an infinite bias."""
        yield Specimen("one NaN weight in the second layer", lambda: _spoilt("weight", math.nan), where="2")
        yield Specimen("one infinite bias", lambda: _spoilt("bias", math.inf), where="2")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """A mask of −∞ kept in a buffer."""
        yield Specimen("causal mask of −∞ in a buffer", masked_attention)


def _spoilt(parameter: str, value: float) -> Case:
    net = mlp(16, 32, 32, 4)
    with torch.no_grad():
        getattr(net[2], parameter).view(-1)[5] = value
    return classification(net)


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mix, self.head = nn.Linear(4, 12), nn.Linear(16, 4)
        self.register_buffer("mask", torch.full((4, 4), -math.inf).triu(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.mix(x.view(-1, 4, 4)).chunk(3, -1)
        scores = q @ k.transpose(1, 2) / 2.0 + self.mask
        return self.head((scores.softmax(-1) @ v).flatten(1))


def masked_attention() -> Case:
    """A small attention whose causal mask of −∞ is added to the scores."""
    torch.manual_seed(0)
    return classification(_Attention())
