"""O102: steps that cannot move the weights."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence
from steadygrad.probes.experiments.curvature import Curvature
from steadygrad.probes.experiments.rehearsal import Rehearsal
from steadygrad.probes.experiments.step import Step
from steadygrad.rules.finding import Finding, Severity
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification, mlp, regression
from steadygrad.rules.steps import awake, momentum, step_sizes, typical


class LrTooLow(Rule):
    """The optimizer's step is lost in rounding, or so small that training would take forever.

    A weight w in floating point changes only when |Δw| is at least half the spacing of numbers around it, ε|w|/2. When
    the typical step is below ε of the weight most entries stay exactly where they are. Error then, and for a rate
    of zero; below 1e-6 – ten thousand steps for one per cent – a warning. Weights behind a learned scale next to zero wait for
    it to grow, and are not asked.

    And the loss is asked. A step along which one a hundred times as long, 1/(1 − μ) times more with momentum μ, still
    lowers the loss by half of what the gradient promises or more, is at most a hundredth of the best step: the best step
    on a parabola keeps just half. A warning, with the rate that the batch would bear.

    At full depth the loss is asked more closely: the best single step along the gradient, of rate ‖g‖²/gᵀHg, lowers it by
    ‖g‖⁴/(2 gᵀHg). A warning when twenty real steps promise less than a ten-thousandth of that. Gradient descent takes
    1/(ηλ) steps to lower an error along the sharpest direction to 1/e, and longer along every other: with SGD a warning
    from ηλ/(1 − μ) < 1e-3 on, a thousand steps at best – unless the loss is flat, ½λ‖w‖² below a thousandth of it, where
    no rate helps.

    With a scheduler that holds the rate below its `initial_lr` (warm-up, decay) all of this is a note.

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
        "stability": Threshold(1e-3, "lr × sharpness / (1 − momentum): its inverse is the steps that even the fastest direction takes"),
        "stretch": Threshold(100.0, "times the step, times 1/(1 − momentum), at which the loss still falls as promised: the rate is a hundredth of the best"),
        "flat": Threshold(1e-3, "½ sharpness × ‖weights‖² over the loss: below it, weights of another size would not change the loss either"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """At most one finding; needs an optimizer."""
        if evidence.optimizer is None:
            return
        numbers = [float(r) for g in evidence.optimizer.groups if g.parameters and isinstance(r := g.options.get("lr"), int | float)]
        rate, aimed = max(numbers, default=0.0), self._aimed(evidence)
        found = self._judged(evidence, rate, bool(numbers))
        if found is not None and aimed > rate:
            message = f"The scheduler holds the learning rate at {rate:g} now, of {aimed:g}; at this rate steps hardly move the weights."
            found = replace(found, severity="note", message=message, advice="Nothing to do if this is warm-up or the end of a schedule.")
        if found is not None:
            yield found

    def _judged(self, evidence: Evidence, rate: float, known: bool) -> Finding | None:
        """The first of the four signs that is there."""
        if known and rate == 0.0:
            return self._finding("error", f"The learning rate is {rate:g}: no step lowers the loss.", rate, 0.0, 1.0)
        sizes = awake(evidence, step_sizes(evidence))
        if not sizes:
            return None
        ratio = typical(sizes)
        lost = ratio < max(s.resolution for s in sizes)
        unchanged = sum(s.unchanged for s in sizes) / len(sizes)
        says = ""
        if lost or ratio < self.threshold("slow"):
            steps = 0.01 / ratio if ratio > 0.0 else float("inf")
            says = f"one step (lr {rate:g}) changes the typical weight by {ratio:.1e} of itself"
            says += f", below the resolution of its numbers; {unchanged:.0%} of the entries do not change at all" if lost else f"; one per cent takes {steps:,.0f} steps"
        progress, stability = self._progress(evidence), self._stability(evidence)
        if not says and progress is not None and progress < self.threshold("progress"):
            says = f"twenty steps (lr {rate:g}) promise {progress:.1e} of what the one best step along the gradient brings"
        if not says and stability is not None and 0.0 < stability < self.threshold("stability"):
            says = f"lr {rate:g} times the sharpness is {stability:.1e} of a limit near 2; even the steepest direction takes {1.0 / stability:,.0f} steps"
        times = self._bears(evidence)
        if not says and times is not None:
            says = f"a step {times:g}× as long as that of lr {rate:g} still lowers this batch's loss as its gradient promises"
        found = self._finding("error" if lost else "warning", f"The learning rate is too low: {says}.", rate, ratio, unchanged) if says else None
        if found is None or times is None:
            return found
        better = rate * times / 10.0
        return replace(found, advice=f"Raise the learning rate: about {better:.1g} would still be safe on this batch.", snippet=f"for group in optimizer.param_groups:\n    group['lr'] = {better:.1g}", evidence={**found.evidence, "suggested_lr": better})

    def _bears(self, evidence: Evidence) -> float | None:
        """How many times longer a step than the optimizer's in the long run still pays; None when it is no hundred times."""
        step = evidence.experiments.get("step")
        if not isinstance(step, Step) or step.stretched is None or evidence.optimizer is None:
            return None
        mu = momentum(evidence.optimizer)
        times = step.stretched[0] * (1.0 - mu)
        return times if mu < 1.0 and times >= self.threshold("stretch") * (1.0 - 1e-9) else None

    def _aimed(self, evidence: Evidence) -> float:
        """The largest rate a scheduler started from or warms up to; 0 without one."""
        groups = evidence.optimizer.groups if evidence.optimizer is not None else ()
        return max((float(r) for g in groups if isinstance(r := g.options.get("initial_lr"), int | float)), default=0.0)

    def _stability(self, evidence: Evidence) -> float | None:
        """ηλ/(1 − μ) of SGD with one rate; None without it, or where the loss is flat for every rate."""
        curvature, optimizer, loss = evidence.experiments.get("curvature"), evidence.optimizer, evidence.loss
        if not isinstance(curvature, Curvature) or optimizer is None or optimizer.name != "SGD" or loss is None or loss.value is None:
            return None
        square = sum(p.value.moments.square for name, p in evidence.parameters.items() if evidence.graph.parameters[name].requires_grad)
        scaled, mu = curvature.rate_sharpness, momentum(optimizer)
        flat = 0.5 * curvature.sharpness * square < self.threshold("flat") * abs(loss.value)
        return None if scaled is None or flat or not 0.0 <= mu < 1.0 else scaled / (1.0 - mu)

    def _progress(self, evidence: Evidence) -> float | None:
        """Σ|⟨g_t, Δw_t⟩| per twenty steps over ‖g‖⁴/(2 gᵀHg); None without both, or where the loss bends down along g."""
        curvature, rehearsal = evidence.experiments.get("curvature"), evidence.experiments.get("rehearsal")
        if not isinstance(curvature, Curvature) or not isinstance(rehearsal, Rehearsal) or not curvature.along_gradient > 0.0:
            return None
        best = min(curvature.gradient_norm**2 / (2.0 * curvature.along_gradient), abs(rehearsal.losses[0]))
        taken = max(len(rehearsal.losses) - 1, 1)
        return None if not best > 0.0 else -rehearsal.promised * 20.0 / taken / best

    def _finding(self, severity: Severity, message: str, rate: float, ratio: float, unchanged: float) -> Finding:
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
        yield Specimen("SGD at lr 2e-4", lambda: _with(2e-4), where="optimizer")
        yield Specimen("Adam at lr 2e-6", _adam, where="optimizer")
        yield Specimen("small weights, which 1e-7 moves, and a loss, which it does not", _bowl, where="optimizer", settings={"depth": "full"})
        yield Specimen("a thousandth of the usual rate for plain SGD", lambda: _with(2e-5), where="optimizer", settings={"depth": "full"})

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """A usual rate; a small one, as for fine-tuning; most weights behind LayerScales next to zero."""
        yield Specimen("SGD at lr 0.01", lambda: _with(0.01))
        yield Specimen("SGD at lr 1e-3 with momentum, full depth", lambda: _with(1e-3, momentum=0.9), settings={"depth": "full"})
        yield Specimen("the first step of a warm-up", _warming)
        yield Specimen("eight branches behind LayerScale 1e-6", _layer_scale)


class _Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = mlp(16, 32)[0], mlp(32, 4)[0]
        self.branches = nn.ModuleList(mlp(32, 64, 32, seed=i) for i in range(8))
        self.scales = nn.ParameterList(nn.Parameter(torch.full((32,), 1e-6)) for _ in range(8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        for branch, scale in zip(self.branches, self.scales, strict=True):
            x = x + scale * branch(x)
        return self.last(x)


def _layer_scale() -> Case:
    net = _Branches()
    return classification(net, optimizer=torch.optim.SGD(net.parameters(), lr=0.1))


def _bowl() -> Case:
    """Linear regression from weights of size 1e-4: Δw/w is 1e-3 per step, and the loss hardly notices."""
    net = mlp(16, 1)
    with torch.no_grad():
        net[0].weight.mul_(4e-4)
    return regression(net, optimizer=torch.optim.SGD(net.parameters(), lr=1e-7))


def _with(rate: float, **more: float) -> Case:
    net = mlp(16, 64, 64, 4)
    return classification(net, optimizer=torch.optim.SGD(net.parameters(), lr=rate, **more))


def _adam() -> Case:
    net = mlp(16, 64, 64, 4)
    return classification(net, optimizer=torch.optim.Adam(net.parameters(), lr=2e-6))


def _warming() -> Case:
    case = _with(0.1)
    torch.optim.lr_scheduler.LambdaLR(case.optimizer, lambda step: step / 100)
    return case
