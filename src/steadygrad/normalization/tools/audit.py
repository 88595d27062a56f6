"""What the batch norms of a model have seen, against what the data are."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from steadygrad.graph.transaction import transaction
from steadygrad.normalization.functional.moments import Moments
from steadygrad.normalization.tools.calibrate import Inputs, gather, over
from steadygrad.normalization.tools.find import never_collected, require_batch_norms
from steadygrad.normalization.tools.freeze import is_frozen

HALF = torch.finfo(torch.float16)
DRIFT = 0.5  # half a standard deviation: eval mode then shifts a unit Gaussian's sign in 19 % of cases
NOISE = 0.25  # relative error of one batch's variance: 33 values per channel


@dataclass(frozen=True)
class NormState:
    """One batch norm.

    Attributes:
        path: where it is.
        updates: batches its statistics have seen; None where it does not count.
        values: fewest values per channel in one batch.
        noise: √(2/(values − 1)), the relative standard error of a batch's variance for Gaussian, independent values;
            neighbouring positions are not independent, so this is the least it can be.
        mean_drift: largest |running − population mean|/population σ over channels.
        var_drift: largest |ln(running/population variance)| over channels.
        dead: channels whose γ is too small to change β by one rounding.
        half_range: channels whose running variance is no normal number in float16.
        frozen: held by `freeze`.
        notes: sentences about what is wrong; empty when nothing is.
    """

    path: str
    updates: int | None
    values: int
    noise: float
    mean_drift: float
    var_drift: float
    dead: int
    half_range: int
    frozen: bool
    notes: tuple[str, ...]


def audit(model: nn.Module, batches: Iterable[Any], *, inputs: Inputs | None = None) -> tuple[NormState, ...]:
    """Compare running statistics with the pooled ones of `batches`, and look for what goes wrong unseen.

    Layers are normalized by their batch meanwhile, dropout is off, and the model is put back bit for bit. Thresholds of
    the notes: mean drift above 0.5 σ, variance off by a factor of 2, variance noise above 25 % (fewer than 33 values per
    channel and batch). A layer that the batches never reach has values 0. `inputs` as for `calibrate`.

    Raises:
        InputError: no batches.
        ModelError: no batch norm, or an input that is not finite.
    """
    found = require_batch_norms("audit", model)
    smallest: dict[str, int] = {}
    with transaction(model), torch.no_grad():
        model.eval()
        for path, module in found.items():
            module.register_forward_pre_hook(_smallest(path, smallest))
        pooled = gather("audit", over("audit", model, batches, inputs), found, {p: m for p, m in found.items() if not is_frozen(m)}, None)
    return tuple(_state(path, module, smallest.get(path, 0), pooled.get(path)) for path, module in found.items())


def _smallest(path: str, smallest: dict[str, int]) -> Any:
    def look(module: nn.Module, args: tuple[Any, ...]) -> None:
        values = args[0].numel() // max(args[0].shape[1], 1)
        smallest[path] = min(values, smallest.get(path, values))

    return look


def _state(path: str, module: nn.Module, values: int, population: Moments | None) -> NormState:
    tracked = getattr(module, "num_batches_tracked", None)
    noise = (2 / (values - 1)) ** 0.5 if values > 1 else float("inf")
    mean_drift = var_drift = 0.0
    if population is not None:
        tiny = torch.finfo(torch.float64).tiny
        var, running = population.unbiased.clamp(min=tiny), module.running_var.double().clamp(min=tiny)
        mean_drift = float(((module.running_mean.double() - population.mean).abs() / (var + module.eps).sqrt()).max())
        var_drift = float(((running + module.eps) / (var + module.eps)).log().abs().max())
    running_var = module.running_var
    half_range = int(((running_var > HALF.max) | ((running_var < HALF.tiny) & (running_var > 0))).sum())
    facts = NormState(
        path, None if tracked is None else int(tracked), values, noise, mean_drift, var_drift, _dead(module), half_range, is_frozen(module), ()
    )
    notes = tuple(_notes(facts, never_collected(module)))
    return NormState(**{**facts.__dict__, "notes": notes})


def _dead(module: nn.Module) -> int:
    weight, bias = getattr(module, "weight", None), getattr(module, "bias", None)
    if weight is None:
        return 0
    size = weight.abs().max() if bias is None else torch.maximum(bias.abs(), weight.abs().max())
    return int((weight.abs() <= torch.finfo(weight.dtype).eps * size).sum())


def _notes(s: NormState, never: bool) -> Iterable[str]:
    if never:
        yield "never updated: eval mode divides by 1; train it, or calibrate(model, batches)"
    elif s.values and s.mean_drift > DRIFT:
        yield f"running mean is {s.mean_drift:.2g} σ off the population's; calibrate(model, batches)"
    if not never and s.values and s.var_drift > 0.693:
        yield f"running variance is off by a factor of {2.718281828459045**s.var_drift:.3g}; calibrate(model, batches)"
    if not s.values:
        yield "not reached by these batches"
    elif s.noise > NOISE and not s.frozen:
        yield f"{s.values} values per channel in a batch: its variance is ±{s.noise:.0%}; larger batches, accumulate=k, or replace(model, 'group')"
    if s.dead:
        yield f"{s.dead} channels have γ ≈ 0: they output β only"
    if s.half_range:
        yield f"{s.half_range} running variances are out of float16's normal range (6.1e-5 to 65504); keep statistics in float32"
