"""O107: optimizer settings that cannot be meant."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.probes.evidence import Evidence, OptimizerGroup
from steadygrad.rules.decay import DECIDES, decay_over_gradient, pull
from steadygrad.rules.finding import Finding, Severity
from steadygrad.rules.rule import Rule, Specimen, Threshold
from steadygrad.rules.specimens import classification, mlp

ADAMS = ("adam", "lamb")
DECOUPLED = ("adamw", "sgdw", "lion", "lamb", "nadamw")


class OptimizerSettings(Rule):
    """Numbers that make an optimizer something other than its name says; torch accepts them.

    SGD's velocity is v ← μv + (1 − τ)g. On a quadratic the two characteristic roots multiply to μ, so that with μ ≥ 1
    one of them has modulus ≥ 1: no error ever dies out. With dampening τ = 1 every gradient after the first is
    multiplied by 0, with τ > 1 by a negative number. RMSprop with α = 1 keeps its average at 0 and divides by eps alone.
    Weight decay multiplies weights by 1 − ηλ (1 − ηλ/(1 − μ) in the long run with momentum): beyond ηλ = 2(1 + μ) they
    explode by decay alone, above 0.1 they forget within ten steps; above 0.01, within a hundred, they do so before the
    loss has moved them where decay pulls ten times harder than its gradient. These are errors but the last two, warnings. Where decay
    is added to the gradient and then divided by its size (Adam), the larger of the two decides the step: ten times larger
    than the gradient, a warning.

    Adam's step m/√v is bounded by (1 − β₁)/√((1 − β₂)(1 − β₁²/β₂)) as long as β₁ < √β₂ (Cauchy-Schwarz); beyond, m
    remembers gradients that v has forgotten, and no bound holds: a warning, most often of two swapped numbers. A
    parameter held twice is stepped twice. Norms in a group with decay, when another group was made without, are a note.

    Source: Polyak 1964 (heavy ball); Kingma & Ba 2015, arXiv:1412.6980, section 4; Zhang et al. 2022, arXiv:2208.09632
    (β₁ < √β₂); Loshchilov & Hutter 2019, arXiv:1711.05101.
    """

    code = "O107"
    slug = "optimizer-settings"
    title = "optimizer settings that cannot be meant"
    priority = 59
    explains = ("lr-too-high", "lr-too-low", "oscillation", "sharpness")
    thresholds = {
        "decay": Threshold(0.1, "lr × weight decay / (1 − momentum): weights are forgotten in ten steps, before anything is learned"),
        "soon": Threshold(0.01, "the same product: weights are forgotten in a hundred steps, and nothing holds them where decay outweighs the loss"),
        "over": Threshold(DECIDES, "decay·rms(w)/rms(∂L/∂w): of the step that Adam makes from their sum, the loss decides a tenth"),
    }

    def examine(self, evidence: Evidence) -> Iterator[Finding]:
        """Group by group, errors first."""
        optimizer = evidence.optimizer
        if optimizer is None:
            return
        name = optimizer.name
        for number, group in enumerate(optimizer.groups):
            if group.parameters:
                yield from self._group(name, number if len(optimizer.groups) > 1 else None, group)
            yield from self._decay_decides(evidence, name, group)
            yield from self._decay_pulls(evidence, name, group)
        yield from self._twice(optimizer.groups)
        yield from self._missed(evidence, optimizer.groups)

    def _group(self, name: str, number: int | None, group: OptimizerGroup) -> Iterator[Finding]:
        here = name if number is None else f"{name}, group {number}"
        lr, decay = _number(group, "lr"), _number(group, "weight_decay", 0.0)
        momentum, dampening = _number(group, "momentum", 0.0), _number(group, "dampening", 0.0)
        if not math.isfinite(lr) and "lr" in group.options and isinstance(group.options["lr"], int | float):
            yield self._say("error", f"{here}: the learning rate is {lr}.", "lr", lr, "Set a finite rate.")
        if momentum >= 1.0:
            says = "never forgets a gradient: oscillations do not die out" if momentum == 1.0 else f"grows {momentum:g}× per step without any gradient"
            yield self._say("error", f"{here}: momentum {momentum:g}; the velocity {says}.", "momentum", momentum, "Usual is 0.9.")
        if momentum != 0.0 and dampening >= 1.0:
            says = "no gradient after the first is used" if dampening == 1.0 else "every gradient after the first enters with the wrong sign"
            yield self._say("error", f"{here}: dampening {dampening:g} with momentum {momentum:g}; {says}.", "dampening", dampening, "Usual is 0.")
        if name.lower().startswith("rmsprop") and _number(group, "alpha", 0.99) >= 1.0:
            yield self._say("error", f"{here}: alpha {_number(group, 'alpha'):g}; the mean square stays 0 and steps are gradient/eps.", "alpha", _number(group, "alpha"), "Usual is 0.99.")
        yield from self._betas(here, name.lower(), group)
        yield from self._decay(here, name.lower(), lr, decay, momentum)

    def _betas(self, here: str, name: str, group: OptimizerGroup) -> Iterator[Finding]:
        betas = group.options.get("betas")
        if not isinstance(betas, tuple | list) or len(betas) < 2 or not all(isinstance(b, int | float) for b in betas[:2]):
            return
        first, second = float(betas[0]), float(betas[1])
        if not (0.0 <= first < 1.0 and 0.0 <= second < 1.0):
            yield self._say("error", f"{here}: betas ({first:g}, {second:g}); averages with a beta outside [0, 1) do not converge.", "betas", betas, "Usual is (0.9, 0.999).")
        elif any(a in name for a in ADAMS) and "adamax" not in name and first**2 >= second and first > 0.0:
            swapped = f"Were they meant as ({second:g}, {first:g})? " if second < first else ""
            yield self._say(
                "warning",
                f"{here}: betas ({first:g}, {second:g}) with beta1 ≥ √beta2; the momentum remembers gradients that the variance has forgotten, and no bound on the step holds.",
                "betas", betas, f"{swapped}Usual is (0.9, 0.999).",
            )  # fmt: skip

    def _decay(self, here: str, name: str, lr: float, decay: float, momentum: float) -> Iterator[Finding]:
        plain = name == "sgd"
        if not (plain or name in DECOUPLED) or not math.isfinite(lr) or not 0.0 <= momentum < 1.0:
            return
        once, total = lr * decay, lr * decay / (1.0 - momentum if plain else 1.0)
        if once > 2.0 * (1.0 + (momentum if plain else 0.0)):
            message = f"{here}: lr {lr:g} × weight decay {decay:g} = {once:.3g}; decay alone multiplies weights by {1.0 - once:.3g} per step, and they explode."
            yield self._say("error", message, "decay_per_step", once, "Usual is a product below 1e-3.")
        elif total > self.threshold("decay"):
            message = f"{here}: lr {lr:g} and weight decay {decay:g} shrink weights by {total:.2g} per step; they forget within {1.0 / total:.0f} steps what they learn."
            yield self._say("warning", message, "decay_per_step", total, "Usual is lr × weight decay below 1e-3.")

    def _decay_decides(self, evidence: Evidence, name: str, group: OptimizerGroup) -> Iterator[Finding]:
        """Adam and its kind with the decay in the gradient: what is divided by its own size then is the weight, not the gradient."""
        found = decay_over_gradient(evidence, name, group)
        if found is None:
            return
        over, left = found
        decay, rate = _number(group, "weight_decay"), _number(group, "lr")
        if over > self.threshold("over"):
            message = (
                f"{name}: weight decay {decay:g} enters the gradient {over:.2g}× as large as the loss does: each step of lr {rate:g} follows the decay,"
                f" and the typical weight is gone in {left:.0f} steps."
            )
            yield self._say("warning", message, "decay_over_gradient", over, "Usual is 1e-4 here; use AdamW for a decay that is not rescaled.")

    def _decay_pulls(self, evidence: Evidence, name: str, group: OptimizerGroup) -> Iterator[Finding]:
        """Plain SGD: weights that decay to nothing in a hundred steps, and a gradient too small to hold them."""
        lr, decay, momentum = (_number(group, key, 0.0) for key in ("lr", "weight_decay", "momentum"))
        if name.lower() != "sgd" or not math.isfinite(lr) or not 0.0 <= momentum < 1.0:
            return
        total, over = lr * decay / (1.0 - momentum), pull(evidence, group)
        if self.threshold("soon") < total <= self.threshold("decay") and over > self.threshold("over"):
            message = (
                f"{name}: weight decay {decay:g} pulls at the typical weight {over:.2g}× as hard as the loss does, and at lr {lr:g} weights are gone in"
                f" {1.0 / total:.0f} steps: what remains is a constant answer."
            )
            yield self._say("warning", message, "decay_over_gradient", over, "Usual is 1e-4 to 1e-3.")

    def _twice(self, groups: tuple[OptimizerGroup, ...]) -> Iterator[Finding]:
        names = [name for group in groups for name in group.parameters]
        twice = sorted({n for n in names if names.count(n) > 1}) if len(set(names)) < len(names) else []
        if twice:
            message = f"{len(twice)} parameters are held more than once, `{twice[0]}` first; each step moves them as often."
            yield self._say("warning", message, "twice", twice[:50], "Give each parameter to one group once.", parameter=twice[0])

    def _missed(self, evidence: Evidence, groups: tuple[OptimizerGroup, ...]) -> Iterator[Finding]:
        """Someone made a group without decay for norms and biases, and some norms are not in it."""
        norms = {n: node for node in evidence.graph.nodes if node.kind == "norm" for use in node.uses for n in use.parameters}
        free = {n for g in groups if _number(g, "weight_decay", 0.0) == 0.0 for n in g.parameters}
        decayed = [n for g in groups if _number(g, "weight_decay", 0.0) > 0.0 for n in g.parameters if n in norms]
        small = [n for n in free if n in norms or len(evidence.graph.parameters[n].shape) <= 1]
        if decayed and small:
            message = f"{len(decayed)} norm parameters are in a group with weight decay, `{decayed[0]}` first, though a group without decay holds others."
            yield self._say("note", message, "decayed", decayed[:50], "Select them by shape (ndim ≤ 1) rather than by name.", parameter=decayed[0])

    def _say(self, severity: Severity, message: str, key: str, value: Any, advice: str, parameter: str = "") -> Finding:
        return self.finding(severity, "optimizer", message, evidence={key: value}, advice=advice, parameter=parameter)

    @classmethod
    def sick(cls) -> Iterator[Specimen]:
        """One of each."""
        sgd, adam, adamw = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
        yield Specimen("momentum 1", lambda: _with(sgd, lr=0.01, momentum=1.0), where="optimizer")
        yield Specimen("momentum 9 instead of 0.9", lambda: _with(sgd, lr=0.01, momentum=9.0), where="optimizer")
        yield Specimen("dampening 1", lambda: _with(sgd, lr=0.01, momentum=0.9, dampening=1.0), where="optimizer")
        yield Specimen("RMSprop with alpha 1", lambda: _with(torch.optim.RMSprop, lr=1e-3, alpha=1.0), where="optimizer")
        yield Specimen("betas swapped", lambda: _with(adam, lr=1e-3, betas=(0.999, 0.9)), where="optimizer")
        yield Specimen("a beta of 1 set by hand", _beta, where="optimizer")
        yield Specimen("rate that is no number", lambda: _changed(lr=math.nan), where="optimizer")
        yield Specimen("decay of 300 at lr 0.01", lambda: _with(sgd, lr=0.01, weight_decay=300.0), where="optimizer")
        yield Specimen("AdamW with decay 200 at lr 1e-3", lambda: _with(adamw, lr=1e-3, weight_decay=200.0), where="optimizer")
        yield Specimen("SGD with a decay of 2 at lr 0.01", lambda: _with(sgd, lr=0.01, weight_decay=2.0), where="optimizer")
        yield Specimen("Adam with a decay of 100 in the gradient", lambda: _with(adam, lr=1e-3, weight_decay=100.0), where="optimizer")
        yield Specimen("a weight held twice", _twice, where="optimizer")
        yield Specimen("norms missed by the filter", lambda: _filtered(lambda n: "bias" in n), where="optimizer")

    @classmethod
    def healthy(cls) -> Iterator[Specimen]:
        """Usual and unusual settings that are meant."""
        adam = torch.optim.Adam
        yield Specimen("momentum 0.99 with Nesterov", lambda: _with(torch.optim.SGD, lr=0.01, momentum=0.99, nesterov=True, weight_decay=1e-4))
        yield Specimen("SGD with a decay of 0.005 at lr 0.1 and momentum 0.9", lambda: _with(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=5e-3))
        yield Specimen("Adam without momentum", lambda: _with(adam, lr=1e-3, betas=(0.0, 0.99)))
        yield Specimen("equal betas", lambda: _with(adam, lr=1e-3, betas=(0.95, 0.95)))
        yield Specimen("AdamW with decay 0.3", lambda: _with(torch.optim.AdamW, lr=1e-3, weight_decay=0.3))
        yield Specimen("norms and biases without decay", lambda: _filtered(lambda n: "bias" in n or n.startswith("1.")))


def _number(group: OptimizerGroup, key: str, default: float = math.nan) -> float:
    value = group.options.get(key, default)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def _with(optimizer: Any, **settings: Any) -> Case:
    net = mlp(16, 64, 64, 4)
    return classification(net, optimizer=optimizer(net.parameters(), **settings))


def _changed(**settings: Any) -> Case:
    case = _with(torch.optim.SGD, lr=0.01)
    case.optimizer.param_groups[0].update(settings)
    return case


def _beta() -> Case:
    case = _with(torch.optim.Adam, lr=1e-3)
    case.optimizer.param_groups[0]["betas"] = (1.0, 0.999)
    return case


def _twice() -> Case:
    case = _with(torch.optim.SGD, lr=0.01)
    held = case.optimizer.param_groups[0]["params"]
    held.append(held[0])
    return case


def _filtered(without: Any) -> Case:
    net = nn.Sequential(mlp(16, 64)[0], nn.LayerNorm(64), nn.ReLU(), mlp(64, 4)[0])
    free = [p for n, p in net.named_parameters() if without(n)]
    rest = [p for n, p in net.named_parameters() if not without(n)]
    groups = [{"params": rest, "weight_decay": 0.01}, {"params": free, "weight_decay": 0.0}]
    return classification(net, optimizer=torch.optim.AdamW(groups, lr=1e-3))
