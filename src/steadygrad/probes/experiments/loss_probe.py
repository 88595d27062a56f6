"""What the loss does with answers made up for it: right ones, wrong ones, neutral ones, half a batch, shuffled targets.

Only `loss_fn` is called, on detached tensors with gradients off; the model does not run. Whatever raises is left None.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch

from steadygrad.graph.nested import named_tensors
from steadygrad.probes.experiments.answers import Domain, class_axis, domain_of, near_the_bounds, neutral, noise, numbered, right_and_wrong
from steadygrad.probes.experiments.rebuild import mapped
from steadygrad.probes.session import SEED, Session

Blindness = Literal["", "order", "all"]


@dataclass(frozen=True)
class LossProbe:
    """Values of the loss on made-up answers; None where it could not be asked.

    Fields:
        domain: what the outputs look like: "logits", "probabilities" (rows sum to 1), "unit" (in [0, 1]),
            "log-probabilities" or "values".
        value: on the model's own outputs.
        halves: on the first and on the second half of the batch.
        neutral: on outputs that favour nothing (zero logits, equal probabilities).
        right, wrong: on the answer the targets ask for, and on its opposite.
        numbered: on the number of its class in all of a sample's scores.
        blind: "order" when the loss of random outputs stays the same for shuffled targets; "all" when it even stays
            the same for entirely different targets of the same shape; "" when it changes.
        near_bounds: where outputs lie in 0 … 1 and some targets do not, on the nearest answers within δ … 1 − δ for
            each of `answers.DISTANCES`, ten times nearer each; None otherwise.
        class_axis: axis of the outputs along which the targets count classes; None when that is not clear.
    """

    domain: Domain | None = None
    value: float | None = None
    halves: tuple[float, float] | None = None
    neutral: float | None = None
    right: float | None = None
    wrong: float | None = None
    numbered: float | None = None
    blind: Blindness = ""
    near_bounds: tuple[float, ...] | None = None
    class_axis: int | None = None


class LossProbeExperiment:
    """Asks the loss about ten times; each call costs one loss evaluation on the batch."""

    name: ClassVar[str] = "loss"
    depths: ClassVar[tuple[str, ...]] = ("fast", "full")

    def applies(self, session: Session) -> bool:
        """When somebody gave a loss and targets."""
        return session.case.loss_fn is not None and session.case.targets is not None and session.traced is not None

    def run(self, session: Session) -> LossProbe:
        """Ask."""
        assert session.traced is not None  # applies() looked
        outputs = mapped(session.traced.outputs, lambda t: t.detach().clone())
        targets = mapped(session.case.targets, lambda t: t.detach().clone())
        if outputs is None or targets is None:
            return LossProbe()
        ask = _asker(session.case.loss_fn)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _probe(ask, outputs, targets)


def _asker(loss_fn: Any) -> Callable[[Any, Any], float | None]:
    def ask(outputs: Any, targets: Any) -> float | None:
        """The loss as a number; None when it raises, is no single number, or is not finite."""
        torch.manual_seed(SEED)
        try:
            # clones, so that a loss that works in place does not spoil the next question
            result = loss_fn(mapped(outputs, torch.clone), mapped(targets, torch.clone))
            value = float(result) if result.numel() == 1 else math.nan
        except Exception:
            return None
        return value if math.isfinite(value) else None

    return ask


def _probe(ask: Callable[[Any, Any], float | None], outputs: Any, targets: Any) -> LossProbe:
    value = ask(outputs, targets)
    if value is None:
        return LossProbe()
    halves = _halves(ask, outputs, targets)
    floating = [t for _, t in named_tensors(outputs) if t.is_floating_point()]
    if any(t.ndim == 0 for t in floating) or not floating:  # the loss may be made already, nothing to play with
        return LossProbe(value=value, halves=halves)
    blind = _blindness(ask, outputs, targets)
    only = floating[0] if len(floating) == 1 else None
    truth = [t for _, t in named_tensors(targets)]
    if only is None or len(truth) != 1:
        return LossProbe(value=value, halves=halves, blind=blind)

    def answered(answer: torch.Tensor | None) -> float | None:
        return None if answer is None else ask(mapped(outputs, lambda t: answer if t.is_floating_point() else t), targets)

    domain = domain_of(only)
    right, wrong = right_and_wrong(domain, only, truth[0])
    near = [answered(answer) for answer in near_the_bounds(domain, only, truth[0])]
    bounds = tuple(v for v in near if v is not None)
    return LossProbe(
        domain, value, halves, answered(neutral(domain, only)), answered(right), answered(wrong), answered(numbered(only, truth[0])), blind,
        bounds if bounds and len(bounds) == len(near) else None, class_axis(only, truth[0]),
    )  # fmt: skip


def _samples(*structures: Any) -> int | None:
    """The batch size when every tensor has the same one, else None."""
    sizes = {t.shape[0] if t.ndim else 0 for structure in structures for _, t in named_tensors(structure)}
    return sizes.pop() if len(sizes) == 1 else None


def _halves(ask: Callable[[Any, Any], float | None], outputs: Any, targets: Any) -> tuple[float, float] | None:
    n = _samples(outputs, targets)
    if n is None or n < 2 or n % 2:
        return None
    first = ask(mapped(outputs, lambda t: t[: n // 2]), mapped(targets, lambda t: t[: n // 2]))
    second = ask(mapped(outputs, lambda t: t[n // 2 :]), mapped(targets, lambda t: t[n // 2 :]))
    return (first, second) if first is not None and second is not None else None


def _blindness(ask: Callable[[Any, Any], float | None], outputs: Any, targets: Any) -> Blindness:
    """Random outputs, so that a model whose outputs do not differ yet does not make the loss look blind.

    They are as large as the targets: beside targets of 10⁵ the order of numbers near 1 would drown in rounding.
    """
    n = _samples(targets)
    if n is None or n < 4 or all(bool((t == t[:1]).all()) for _, t in named_tensors(targets)):
        return ""
    truth = [t.float() for _, t in named_tensors(targets) if t.is_floating_point()]
    shift, scale = (float(truth[0].mean()), float(truth[0].std())) if len(truth) == 1 and truth[0].numel() > 1 else (0.0, 1.0)

    beyond = len(truth) == 1 and truth[0].numel() > 0 and bool((truth[0] < 0.0).any() | (truth[0] > 1.0).any())

    def made_up(t: torch.Tensor, seed: int) -> torch.Tensor:
        domain = domain_of(t)
        if beyond and domain == "unit":
            domain = "values"  # which happen to lie in 0 … 1 as yet; among targets that do not, all errors would have one sign
        return noise(domain, t, seed) * scale + shift if domain in ("values", "logits") else noise(domain, t, seed)

    random, other = (mapped(outputs, lambda t, s=s: made_up(t, s) if t.is_floating_point() else t) for s in (SEED, SEED + 1))
    before, beside = ask(random, targets), ask(other, targets)
    if before is None or beside is None or before == beside:
        return ""
    tolerance = 1e-3 * abs(beside - before) + 1e-6 * abs(before)  # a thousandth of what other outputs change, and rounding

    def unmoved(changed: list[Any]) -> bool:
        found = [ask(random, t) for t in changed]
        return all(value is not None and abs(value - before) <= tolerance for value in found)

    orders = [torch.roll(torch.arange(n), s) for s in (1, n // 2, n - 1)]
    orders.append(torch.randperm(n, generator=torch.Generator().manual_seed(SEED)))
    if not unmoved([mapped(targets, lambda t, order=order: t[order.to(t.device)]) for order in orders]):
        return ""
    return "all" if unmoved([mapped(targets, lambda t, i=i: t[i : i + 1].expand_as(t)) for i in range(min(n, 8))]) else "order"
