"""What a rehearsal came to: the loss falls as promised, stalls, or diverges."""

from typing import Literal

from steadygrad.probes.experiments.rehearsal import Rehearsal

Outcome = Literal["falls", "stalls", "diverges"]
KEPT = 0.1
"""Gradient descent keeps 1 − ηκ/2 of what its gradients promise: healthy networks 0.6 to 0.95, at the limit of stability 0."""
DOUBLED = 2.0
"""A loss that has doubled on its own batch and is not on its way down has left the region its gradient speaks about."""
FALLEN = 0.9
"""Twenty steps on one and the same batch that do not take off a tenth of its loss, although they promised to."""


def outcome(rehearsal: Rehearsal) -> Outcome:
    """Judged at the end, because a large rate may first raise the loss and then lower it (catapult).

    "diverges": no finite loss any more, or after sixty steps at least twice the first and not on its way down from its
    peak. "stalls": the steps promised at least a tenth of the loss, kept less than a tenth of the promise, and did not
    lower the loss by a tenth. Else "falls", also when the steps are too small to say.
    """
    if not rehearsal.finite:
        return "diverges"
    start, last = rehearsal.losses[0], rehearsal.losses[-1]
    if not start > 0.0:
        return "falls"
    if rehearsal.end > DOUBLED * start and last > DOUBLED * start and last > 0.5 * max(rehearsal.losses):
        return "diverges"
    if -rehearsal.promised > (1.0 - FALLEN) * start and rehearsal.kept < KEPT and rehearsal.end > FALLEN * start:
        return "stalls"
    return "falls"


def course(rehearsal: Rehearsal) -> str:
    """The course of the loss in words: first, worst, last."""
    losses = rehearsal.losses
    last = f"{losses[-1]:.3g}" if rehearsal.finite else "no number"
    finite = [v for v in losses if v == v and abs(v) != float("inf")]
    return f"{losses[0]:.3g} → {last} after {len(losses) - 1} steps (highest {max(finite):.3g}, lowest {min(finite):.3g})"
