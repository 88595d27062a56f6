"""Made-up answers for a loss: what would be right, wrong, neutral or random, in the form the outputs have."""

from collections.abc import Iterator
from typing import Literal

import torch
from torch.nn.functional import one_hot

Domain = Literal["logits", "probabilities", "unit", "log-probabilities", "values"]
CONFIDENT = 4.0
"""Logit of a confident answer: p = 0.98 of two classes; exp(4) is far from any overflow."""
DISTANCES = (1e-1, 1e-2, 1e-3)
"""Of made-up probabilities from 0 and 1; far from what losses clip at."""


def domain_of(outputs: torch.Tensor) -> Domain:
    """What a float tensor of outputs holds, judged by its numbers."""
    value = outputs.detach().float()
    if value.numel() == 0 or not bool(torch.isfinite(value).all()):
        return "values"
    low, high = float(value.min()), float(value.max())
    if value.ndim > 1 and value.shape[1] > 1:
        if low >= 0.0 and bool((value.sum(1) - 1.0).abs().max() < 1e-3):
            return "probabilities"
        if high <= 0.0 and bool(value.logsumexp(1).abs().max() < 1e-3):
            return "log-probabilities"
    if low >= 0.0 and high <= 1.0 and low < high:
        return "unit"
    return "logits" if value.ndim > 1 and value.shape[1] > 1 else "values"


def neutral(domain: Domain, outputs: torch.Tensor) -> torch.Tensor | None:
    """Outputs that favour nothing: zero logits, equal probabilities, a half."""
    if domain == "probabilities":
        return torch.full_like(outputs, 1.0 / outputs.shape[1])
    if domain == "log-probabilities":
        return torch.zeros_like(outputs).log_softmax(1)
    return torch.full_like(outputs, 0.5) if domain == "unit" else torch.zeros_like(outputs)


def noise(domain: Domain, outputs: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """Random outputs of the same form, fixed by the seed."""
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(outputs.shape, generator=generator).to(outputs)
    if domain == "probabilities":
        return normal.softmax(1)
    if domain == "log-probabilities":
        return normal.log_softmax(1)
    return normal.sigmoid() if domain == "unit" else normal


def right_and_wrong(domain: Domain, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """The answer the targets ask for and its opposite; (None, None) when it is not clear which that is.

    Class numbers (N, …) with outputs (N, C, …), or targets shaped like the outputs.
    """
    whole = not targets.is_floating_point() and targets.dtype != torch.bool
    if whole and outputs.ndim == targets.ndim + 1 and outputs.shape[0] == targets.shape[0] and outputs.shape[2:] == targets.shape[1:]:
        return _classes(domain, outputs, targets)
    if tuple(outputs.shape) != tuple(targets.shape) or not bool(torch.isfinite(targets.float()).all()):
        return None, None
    truth = targets.to(outputs.dtype)
    in_unit = float(truth.min()) >= 0.0 and float(truth.max()) <= 1.0
    if domain == "log-probabilities" or float(truth.min()) == float(truth.max()):
        return None, None
    if domain in ("unit", "probabilities"):
        return (truth.clamp(0.05, 0.95), 1.0 - truth.clamp(0.05, 0.95)) if in_unit else (None, None)
    if in_unit and bool(((truth == 0) | (truth == 1)).all()):
        return CONFIDENT * (2 * truth - 1), -CONFIDENT * (2 * truth - 1)
    return truth, truth + 3.0 * truth.std() * torch.where(truth > truth.mean(), -1.0, 1.0)


def near_the_bounds(domain: Domain, outputs: torch.Tensor, targets: torch.Tensor) -> Iterator[torch.Tensor]:
    """Where outputs lie in 0 … 1 and some targets do not: the nearest answers within δ … 1 − δ, for each of `DISTANCES`; else none."""
    if domain not in ("unit", "probabilities") or tuple(outputs.shape) != tuple(targets.shape) or not bool(torch.isfinite(targets.float()).all()):
        return
    truth = targets.to(outputs.dtype)
    if float(truth.min()) < 0.0 or float(truth.max()) > 1.0:
        yield from (truth.clamp(distance, 1.0 - distance) for distance in DISTANCES)


def numbered(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor | None:
    """The number of its class in every score of a sample; None unless class numbers (N,) meet outputs (N, C)."""
    whole = not targets.is_floating_point() and targets.dtype != torch.bool
    if not whole or outputs.ndim != 2 or outputs.shape[1] < 2 or tuple(targets.shape) not in (tuple(outputs.shape[:1]), (outputs.shape[0], 1)):
        return None
    return targets.reshape(-1, 1).to(outputs.dtype).expand_as(outputs).clone()


def _classes(domain: Domain, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    count = outputs.shape[1]
    if count < 2 or int(targets.min()) < 0 or int(targets.max()) >= count:
        return None, None
    answers = []
    for labels in (targets, (targets + 1) % count):
        chosen = one_hot(labels.long(), count).movedim(-1, 1).to(outputs.dtype)
        logits = CONFIDENT * chosen
        if domain == "log-probabilities":
            logits = logits.log_softmax(1)
        elif domain in ("probabilities", "unit"):
            logits = logits.softmax(1)
        answers.append(logits)
    return answers[0], answers[1]


def class_axis(outputs: torch.Tensor, targets: torch.Tensor) -> int | None:
    """Along which axis of the outputs the targets count classes; None when that is not clear.

    Class numbers lack that axis; one-hot rows and shares add up to 1 along it.
    """
    axes = range(1, outputs.ndim)
    if tuple(targets.shape) == tuple(outputs.shape):
        truth = targets.double()
        found = [a for a in axes if outputs.shape[a] > 1 and bool((truth.sum(a) - 1.0).abs().max() < 1e-3)] if float(truth.min()) >= 0.0 else []
    elif not targets.is_floating_point() and targets.dtype != torch.bool:
        found = [a for a in axes if (*outputs.shape[:a], *outputs.shape[a + 1 :]) == tuple(targets.shape)]
    else:
        found = []
    return found[0] if len(found) == 1 else None
