"""B104: running statistics that are no mean and no variance."""

from collections.abc import Iterator

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.statistics import Reading
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen
from steadygrad.rules.running_statistics import has_negative
from steadygrad.rules.specimens import classification, mlp

STATISTICS = ("running_mean", "running_var")


class PoisonedStatistics(Rule):
    """A running mean or variance holds NaN or infinity, or a running variance is negative.

    r ← (1 − m) r + m·batch: once r is NaN it is NaN for ever, whatever batches follow, and a single batch with an
    infinity suffices. Training does not show it, because it uses the statistics of the batch; in eval mode every output
    is NaN. A negative variance comes from averaging or editing checkpoints; its square root is NaN.

    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 2; IEEE 754-2019, section 6.
    """

    code = "B104"
    slug = "poisoned-statistics"
    title = "running statistics that are not finite or negative"
    priority = 2
    explains = ("nonfinite-forward", "nonfinite-backward", "train-eval-gap", "half-range", "output-constant", "loss-at-start")

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """First module first, in the order of the model's buffers."""
        for name, reading in evidence.buffers.items():
            path, _, kind = name.rpartition(".")
            if kind not in STATISTICS:
                continue
            bad = reading.moments.nonfinite
            if bad or (kind == "running_var" and has_negative(reading)):
                yield self._finding(evidence, path, name, reading, bad)

    def _finding(self, evidence: Evidence, path: str, name: str, reading: Reading, bad: int) -> Finding:
        what = f"holds {bad} values that are not finite" if bad else "holds negative variances"
        node = next((n.index for n in evidence.graph.nodes if n.where == path and n.kind == "norm"), None)
        return self.finding(
            "error",
            path,
            f"`{name}` {what} (of {reading.moments.count}): in eval mode these channels are NaN, and no further batch heals them.",
            evidence={"buffer": name, "nonfinite": bad, "count": reading.moments.count, "sum": reading.moments.sum},
            advice="Find the batch that was not finite, then reset the statistics and estimate them again; weights may be fine.",
            snippet=f"model.get_submodule({path!r}).reset_running_stats()",
            node=node,
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """One NaN among the means; negative variances."""
        yield Specimen("one NaN in a running mean", lambda: _with("running_mean", float("nan")), where="1")
        yield Specimen("a negative running variance", lambda: _with("running_var", -40.0), where="1")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Statistics far from 0 and 1, and a channel that is constant."""
        yield Specimen("a channel of variance zero", lambda: _with("running_var", 0.0))


def _with(buffer: str, value: float) -> Case:
    net = mlp(16, 32, 4)
    norm = nn.BatchNorm1d(32)
    with torch.no_grad():
        getattr(norm, buffer)[3] = value
    return classification(nn.Sequential(net[0], norm, *net[1:]))
