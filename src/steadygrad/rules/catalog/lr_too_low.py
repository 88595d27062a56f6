"""O102: steps that cannot move the weights."""

from collections.abc import Iterator

import torch

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.curvature import Curvature
from steadygrad.probes.experiments.rehearsal import Rehearsal
from steadygrad.rules.finding import Finding
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification, mlp, regression
from steadygrad.rules.steps import step_sizes, typical


class LrTooLow(Rule):
    """The optimizer's step is lost in rounding, or so small that training would take forever.

    A weight w in floating point changes only when |Δw| is at least half the spacing of numbers around it, ε|w|/2. When
    the typical step is below ε of the weight most entries stay exactly where they are. Error then, and for a rate
    of zero; below 1e-6 – ten thousand steps for one per cent – a warning.

    At full depth the loss is asked, too: the best single step along the gradient, of rate ‖g‖²/gᵀHg, lowers it by
    ‖g‖⁴/(2 gᵀHg). A warning when twenty real steps promise less than a ten-thousandth of that.

    Source: Goldberg 1991, "What every computer scientist should know about floating-point arithmetic"; the chapters'
    exercise on parameters that hardly move.
    """

    code = "O102"
    slug = "lr-too-low"
    title = "steps that cannot move the weights"
    priority = 61
    thresholds = {
        "slow": Threshold(1e-6, "median rms(Δw)/rms(w): ten thousand steps change a weight by one per cent"),
        "progress": Threshold(1e-4, "what twenty steps promise over what the one best step brings: 200,000 steps for that one"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding; needs an optimizer."""
        if evidence.optimizer is None:
            return
        rates = [g.options.get("lr") for g in evidence.optimizer.groups if g.parameters]
        numbers = [float(r) for r in rates if isinstance(r, int | float)]
        if numbers and max(numbers) == 0.0:
            yield self._finding("error", f"The learning rate is {max(numbers):g}: no step lowers the loss.", max(numbers), 0.0, 1.0)
            return
        sizes = step_sizes(evidence)
        if not sizes:
            return
        ratio, rate = typical(sizes), max(numbers, default=0.0)
        lost = ratio < max(s.resolution for s in sizes)
        unchanged = sum(s.unchanged for s in sizes) / len(sizes)
        if lost or ratio < self.threshold("slow"):
            steps = 0.01 / ratio if ratio > 0.0 else float("inf")
            yield self._finding(
                "error" if lost else "warning",
                f"The learning rate is too low: one step (lr {rate:g}) changes the typical weight by {ratio:.1e} of itself"
                + (f", below the resolution of its numbers; {unchanged:.0%} of the entries do not change at all." if lost else f"; one per cent takes {steps:,.0f} steps."),
                rate, ratio, unchanged,
            )  # fmt: skip
            return
        progress = self._progress(evidence)
        if progress is not None and progress < self.threshold("progress"):
            yield self._finding(
                "warning",
                f"The learning rate is too low: twenty steps (lr {rate:g}) promise {progress:.1e} of what the one best step along the gradient brings.",
                rate, ratio, unchanged,
            )  # fmt: skip

    def _progress(self, evidence: Evidence) -> float | None:
        """Σ|⟨g_t, Δw_t⟩| per twenty steps over ‖g‖⁴/(2 gᵀHg); None without both, or where the loss bends down along g."""
        curvature, rehearsal = evidence.experiments.get("curvature"), evidence.experiments.get("rehearsal")
        if not isinstance(curvature, Curvature) or not isinstance(rehearsal, Rehearsal) or not curvature.along_gradient > 0.0:
            return None
        best = min(curvature.gradient_norm**2 / (2.0 * curvature.along_gradient), abs(rehearsal.losses[0]))
        taken = max(len(rehearsal.losses) - 1, 1)
        return None if not best > 0.0 else -rehearsal.promised * 20.0 / taken / best

    def _finding(self, severity, message: str, rate: float, ratio: float, unchanged: float) -> Finding:
        return self.finding(
            severity,
            "optimizer",
            message,
            evidence={"lr": rate, "update_to_weight": ratio, "unchanged_share": unchanged},
            advice="Raise the learning rate; updates of about 1e-3 of the weights per step are usual.",
        )

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """Rates that do nothing."""
        yield Specimen("SGD at lr 1e-9", lambda: _with(1e-9), where="optimizer")
        yield Specimen("SGD at lr 0", lambda: _with(0.0), where="optimizer")
        yield Specimen("small weights, which 1e-7 moves, and a loss, which it does not", _bowl, where="optimizer", settings={"depth": "full"})

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """A usual rate; a small one, as for fine-tuning."""
        yield Specimen("SGD at lr 0.01", lambda: _with(0.01))
        yield Specimen("SGD at lr 1e-4, full depth", lambda: _with(1e-4), settings={"depth": "full"})


def _bowl() -> Case:
    """Linear regression from weights of size 1e-4: Δw/w is 1e-3 per step, and the loss hardly notices."""
    net = mlp(16, 1)
    with torch.no_grad():
        net[0].weight.mul_(4e-4)
    return regression(net, optimizer=torch.optim.SGD(net.parameters(), lr=1e-7))


def _with(rate: float) -> Case:
    net = mlp(16, 64, 64, 4)
    return classification(net, optimizer=torch.optim.SGD(net.parameters(), lr=rate))
