"""N105: an eps that is rounded to zero, or that outweighs what it guards."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.graph.signal_graph import Node
from steadygrad.probes.evidence import Evidence
from steadygrad.rules.finding import Finding, Severity
from steadygrad.rules.pairing import facts_of
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import batch, classification, mlp

SMALLEST = {"float16": 2.0**-24, "bfloat16": 2.0**-133, "float32": 2.0**-149, "float64": 2.0**-1074}
"""Smallest number above 0 by dtype; half of it and less rounds to 0."""
DIVIDING = {"Adam", "AdamW", "NAdam", "RAdam", "Adamax", "RMSprop", "Adagrad"}
"""torch's optimizers that divide by √v + eps in the dtype of the parameter."""
NORMS = {"batch_norm", "layer_norm", "rms_norm", "simple_norm", "group_norm", "instance_norm"}


class Epsilon(Rule):
    """An eps of the wrong size: 0 in the dtype that computes with it, or larger than the variance it is added to.

    fp16 has nothing between 0 and 2⁻²⁴ = 6e-8, and rounds 3e-8 and less to 0: `x / (y + 1e-8)` divides by y alone, and
    Adam with fp16 weights and its default eps of 1e-8 divides 0 by 0 wherever a gradient is 0. (Its v = (1 − β₂)g² is 0
    itself for |g| below 5e-3.) An error when the step that was tried wrote numbers that are not finite, else a warning.

    A norm returns x̂·√(v/(v + eps)), v the variance it found. From eps ≥ 10 v on the eps sets the scale: a warning. v is
    overestimated, by the variance over everything the norm reads (the within-group part is smaller), so that what fires
    is sure. Right after an embedding it is a note: tables of 1e-4 under a norm are a published recipe, whose first steps
    move them far. An eps far *below* v is no fault, it is there for v = 0; and torch's norms compute it in float32.

    Source: IEEE 754-2019, table 3.5; Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 1; Kingma & Ba 2015,
    arXiv:1412.6980, algorithm 1; Peng et al. 2023, arXiv:2305.13048 (small embeddings under a norm).
    """

    code = "N105"
    slug = "epsilon"
    title = "an eps that vanishes or outweighs"
    priority = 58
    explains = ("lr-too-high", "nonfinite-forward", "nonfinite-backward", "signal-drift", "output-constant", "oscillation")
    thresholds = {"share": Threshold(10.0, "eps over the variance it guards: at 10 the norm's output is 0.30 of its usual size; at 1 it is 0.71, which trains")}

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """The optimizer's, then the ops' in execution order."""
        yield from self._optimizer(evidence)
        for node in evidence.graph.nodes:
            if node.kind == "norm" and node.op in NORMS:
                yield from self._norm(evidence, node)
            elif node.kind == "pointwise" and node.op in ("add", "clamp"):
                yield from self._constant(evidence, node)

    def _optimizer(self, evidence: Evidence) -> Iterator[Finding]:
        optimizer = evidence.optimizer
        for group in optimizer.groups if optimizer is not None and optimizer.name in DIVIDING else ():
            eps, dtypes = group.options.get("eps"), {evidence.graph.parameters[n].dtype for n in group.parameters}
            zero = sorted(d for d in dtypes if isinstance(eps, float | int) and eps <= SMALLEST.get(d, 0.0) / 2.0)
            if not zero or optimizer is None:
                continue
            spoilt = [(n, u.nonfinite) for n in group.parameters if (u := evidence.parameters[n].update) is not None and u.nonfinite]
            what = f"{optimizer.name}'s eps of {eps:g} is 0 in {zero[0]}" if eps else f"{optimizer.name}'s eps is 0"
            happens = (
                f"one step wrote {sum(k for _, k in spoilt):,} numbers that are not finite, `{spoilt[0][0]}` first" if spoilt else "a gradient of 0 makes 0/0"
            )
            yield self.finding(
                "error" if spoilt else "warning",
                "optimizer",
                f"{what}: {happens}.",
                evidence={"eps": eps, "dtype": zero[0], "spoilt": [n for n, _ in spoilt[:50]]},
                advice="Keep the weights in float32 and compute under autocast, or use bfloat16; an eps of 1e-4 keeps pure fp16 finite."
                if eps
                else "Use an eps of 1e-8.",
                snippet="model.float()\nwith torch.autocast('cuda', dtype=torch.float16):\n    loss = loss_fn(model(inputs), targets)" if eps else "",
                parameter=spoilt[0][0] if spoilt else "",
            )

    def _norm(self, evidence: Evidence, node: Node) -> Iterator[Finding]:
        eps, variance = node.options.get("eps"), _variance(evidence, node)
        if (
            isinstance(eps, float | int)
            and variance is not None
            and variance > 0.0
            and eps >= self.threshold("share") * variance
            and node.options.get("training") is not False
        ):
            source = evidence.graph.upstream(node.index)
            meant = source is not None and source.op == "embedding"
            yield self._outweighs(node, float(eps), variance, f"{node.op}'s eps", "note" if meant else "warning")

    def _constant(self, evidence: Evidence, node: Node) -> Iterator[Finding]:
        number = node.options.get("number", node.options.get("min_val"))
        if not isinstance(number, float) or not number > 0.0 or not node.outputs:
            return
        dtype = node.outputs[0].dtype
        if number <= SMALLEST.get(dtype, 0.0) / 2.0:
            yield self.finding(
                "warning",
                node.where,
                f"{number:g} is 0 in {dtype}, whose smallest number is {SMALLEST[dtype]:.1g}: what this {node.op} should keep from 0 can be 0.",
                evidence={"number": number, "dtype": dtype, "op": node.op},
                advice="Compute this in float32, or use a constant above 1e-6.",
                snippet="eps = torch.finfo(x.dtype).tiny",
                node=node.index,
            )
            return
        reading, readers = evidence.signals.get(node.index), evidence.graph.consumers()[node.index]
        source = evidence.graph.upstream(node.index)
        statistic = source is not None and source.op in ("mean", "var") and any(evidence.graph.nodes[i].op in ("rsqrt", "sqrt") for i in readers)
        if not statistic or reading is None or node.op != "add":
            return
        variance = reading.moments.mean - number
        if 0.0 < variance <= number / self.threshold("share"):
            yield self._outweighs(node, number, variance, "the constant under the root")

    def _outweighs(self, node: Node, eps: float, variance: float, name: str, severity: Severity = "warning") -> Finding:
        gain = (variance / (variance + eps)) ** 0.5
        return self.finding(
            severity,
            node.where,
            f"At `{node.where or node.op}` {name}, {eps:.3g}, outweighs the variance it is added to, {variance:.2g}: it sets the scale, and the output is {gain:.2g} of its usual size.",
            evidence={"eps": eps, "variance": variance, "gain": gain, "op": node.op},
            advice="Lower the eps to a thousandth of the variance, or bring the signal before the norm to size 1.",
            node=node.index,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Pure fp16 under Adam; eps 0; a division by hand; eps 1 on small signals, in a module and by hand."""
        yield Specimen("fp16 weights under Adam", lambda: _half(torch.optim.Adam), where="optimizer")
        yield Specimen("Adam with eps 0 and an unused class of inputs", lambda: _padded(0.0), where="optimizer")
        yield Specimen("division guarded by 1e-8 in fp16", lambda: _guarded(1e-8), where="1")
        yield Specimen("layer norm with eps 1 on a signal of 0.1", lambda: _scaled(nn.LayerNorm(64, eps=1.0)), where="1")
        yield Specimen("hand-written rms norm with 1 under the root", lambda: _scaled(_Rms(1.0)), where="1")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Float32 under Adam; bf16; a larger eps in fp16; BERT's 1e-12; batch norm's 1e-3; an eps of the variance's size, as in EfficientNet-B7."""
        yield Specimen("float32 under Adam, an input that is always 0", lambda: _padded(1e-8))
        yield Specimen("bf16 weights under Adam", lambda: _half(torch.optim.Adam, torch.bfloat16, lr=0.02))
        yield Specimen("fp16 weights under Adam with eps 1e-4", lambda: _half(torch.optim.Adam, eps=1e-4))
        yield Specimen("division guarded by 1e-3 in fp16", lambda: _guarded(1e-3))
        yield Specimen("layer norm with eps 1e-12", lambda: _scaled(nn.LayerNorm(64, eps=1e-12)))
        yield Specimen("batch norm with eps 1e-3", lambda: _scaled(nn.BatchNorm1d(64, eps=1e-3)))
        yield Specimen("layer norm with an eps as large as the variance", lambda: _scaled(nn.LayerNorm(64, eps=0.05)))
        yield Specimen("hand-written rms norm", lambda: _scaled(_Rms(1e-6)))


def _variance(evidence: Evidence, node: Node) -> float | None:
    """An upper bound of the mean variance the norm finds: over everything it reads; of an rms norm the second moment."""
    source = evidence.graph.upstream(node.index, ("view", "cast"))
    reading = None if source is None else evidence.signals.get(source.index)
    if reading is None and source is not None:
        facts = facts_of(evidence, source)
        reading = facts.reading if facts is not None else None
    if reading is None:
        return None
    moments = reading.moments
    bound = moments.q if node.op == "rms_norm" else moments.variance
    return bound if bound > 1e-12 * moments.q else None  # closer to a constant than the subtraction can tell


class _Rms(nn.Module):
    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)


class _Share(nn.Module):
    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.abs()
        return 8.0 * x / (x.sum(-1, keepdim=True) + self.eps)


def _scaled(norm: nn.Module) -> Case:
    first, _, last = mlp(16, 64, 4)
    with torch.no_grad():
        first.weight.mul_(0.2)
    return classification(nn.Sequential(first, norm, nn.ReLU(), last))


def _half(optimizer: Any, dtype: torch.dtype = torch.float16, **settings: Any) -> Case:
    net = mlp(16, 64, 4).to(dtype)
    return classification(net, batch(64, 16).to(dtype), optimizer=optimizer(net.parameters(), **{"lr": 1e-3, **settings}))


def _padded(eps: float) -> Case:
    """The last input is 0 in every sample, and so are the gradients of its weights."""
    net, inputs = mlp(16, 64, 4), batch(64, 16)
    inputs[:, -1] = 0.0
    return classification(net, inputs, optimizer=torch.optim.Adam(net.parameters(), lr=1e-3, eps=eps))


def _guarded(eps: float) -> Case:
    first, _, last = mlp(16, 64, 4)
    net = nn.Sequential(first, _Share(eps), last).half()
    return classification(net, batch(64, 16).half())
