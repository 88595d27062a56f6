"""The demo: take the chapters' sick networks, find the one cause, repair it, and show that they train."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from steadygrad.case import Case
from steadygrad.door import check
from steadygrad.lab import digits
from steadygrad.lab.sick_networks import SICK, SickNetwork
from steadygrad.remedies.catalog.reinitialize import Reinitialize
from steadygrad.report.record import Report

BATCH = 128
MOMENTUM = 0.9


@dataclass(frozen=True)
class Outcome:
    """One network before and after: reports, training curves as (step, loss), test accuracy, what was changed."""

    network: SickNetwork
    before: Report
    after: Report
    curves: dict[str, list[tuple[float, float]]]
    accuracy: dict[str, float]
    change: dict[str, str]


def run(*, quick: bool = False, say: Callable[[str], object] = print) -> str:
    """Diagnose, repair and train every sick network; returns the HTML report.

    Args:
        quick: a quarter of the training steps.
        say: called with each line of the running commentary.
    """
    from steadygrad.report.html import Section, render_many

    data = digits.load()
    outcomes = [heal(network, data, steps=75 if quick else 300, say=say) for network in SICK]
    intro = (
        "Each network is checked on one batch of handwritten digits before training. The cause that the check names is "
        "repaired by drawing the weights anew; then both the sick and the repaired network are trained the same number of steps."
    )
    sections = [Section(o.network.name, _words(o), o.before, o.after, o.curves) for o in outcomes]
    return render_many("Four networks that do not train, and why", intro, sections)


def heal(network: SickNetwork, data: digits.Digits, steps: int, say: Callable[[str], object]) -> Outcome:
    """Check, repair and check again; train a sick and a repaired copy."""
    say(f"\n{network.name}\n  {network.story}")
    torch.manual_seed(0)
    sick = network.build()
    before = check(_case(sick, data, network.rate, network.name))
    cause = before.cause
    say(f"  check:  {before.verdict}")
    repaired = network.build()
    change = {}
    if cause is not None:
        proposal = Reinitialize().propose(cause, _case(repaired, data, network.repaired_rate, network.name)).apply()
        change = dict(proposal.details)
        first = next(iter(change))
        say(f"  repair: {proposal.remedy}: `{first}` ← {change[first]}")
    after = check(_case(repaired, data, network.repaired_rate, f"{network.name}, repaired"))
    say(f"  check:  {after.verdict}")
    curves, accuracy = {}, {}
    for label, model, rate in (("sick", sick, network.rate), ("repaired", repaired, network.repaired_rate)):
        curves[label], accuracy[label] = train(model, data, rate, steps)
        say(f"  train:  {label:<9} test accuracy {accuracy[label]:.1%} after {steps} steps, loss {curves[label][-1][1]:.3g}")
    return Outcome(network, before, after, curves, accuracy, change)


def _case(model: nn.Module, data: digits.Digits, rate: float, name: str) -> Case:
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=MOMENTUM)
    return Case(model, data.train_x[:BATCH], data.train_y[:BATCH], nn.functional.cross_entropy, optimizer, name=name)


def train(model: nn.Module, data: digits.Digits, rate: float, steps: int) -> tuple[list[tuple[float, float]], float]:
    """SGD with momentum on random batches; the loss curve and the final test accuracy."""
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=MOMENTUM)
    generator = torch.Generator().manual_seed(1)
    curve = []
    for step in range(steps):
        rows = torch.randint(0, len(data.train_x), (BATCH,), generator=generator)
        loss = nn.functional.cross_entropy(model(data.train_x[rows]), data.train_y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        curve.append((float(step), float(loss.detach())))
    with torch.no_grad():
        right = (model(data.test_x).argmax(1) == data.test_y).float().mean()
    return curve, float(right)


def _words(outcome: Outcome) -> str:
    sick, repaired = outcome.accuracy["sick"], outcome.accuracy["repaired"]
    return f"{outcome.network.story} Test accuracy after training: {sick:.1%} as it was, {repaired:.1%} after the repair."
