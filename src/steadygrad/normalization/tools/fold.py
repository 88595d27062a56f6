"""Fold batch norms into the layers beside them, and prove that nothing changed."""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from steadygrad.errors import ModelError
from steadygrad.graph.nested import named_tensors
from steadygrad.graph.trace import call_model
from steadygrad.normalization.tools.find import batch_norms, never_collected
from steadygrad.normalization.tools.neighbours import CONVOLUTIONS, TRANSPOSED, places


@dataclass(frozen=True)
class Folding:
    """The folded copy and the proof.

    Attributes:
        model: a copy in eval mode without the folded norms; the original is untouched.
        folded: (batch norm, layer it went into, "before" or "after": where that layer stands).
        left: batch norm → why it could not be folded.
        error: max |folded − unfolded| over the outputs, relative to the largest |unfolded|.
        bound: what the error had to stay under: 100·eps·(1 + number folded).
    """

    model: nn.Module
    folded: tuple[tuple[str, str, str], ...]
    left: dict[str, str]
    error: float
    bound: float


def fold(model: nn.Module, inputs: Any) -> Folding:
    """Fold each batch norm of `model` into the linear layer or convolution before or after it, in a copy.

    Before it: W′ = W·s, b′ = (b − μ)·s + β, s = γ/√(σ² + eps), per output channel, for grouped and transposed
    convolutions too. After it: W′ = W·s per input channel, b′ = b + Σ W·(β − μ·s), where every output sees all taps: not
    with zeros as padding, and not into transposed convolutions. Computed in float64. What stands beside a norm is taken from
    a trace, not from names or order of definition; norms that are used twice, or whose neighbour is shared, tied or read by
    something else, stay and are listed. Both models then run on `inputs`.

    Raises:
        ModelError: no batch norm; statistics never collected; or the outputs differ, and the copy is thrown away.

    Source: Jacob et al. 2018, arXiv:1712.05877, section 3.2, eq. 14; the formulas are batch norm's own.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).train()
        >>> _ = net(torch.randn(8, 4))
        >>> fold(net, torch.randn(2, 4)).folded
        (('1', '0', 'before'),)
    """
    for path, norm in batch_norms(model):
        if never_collected(norm):
            raise ModelError(f"fold: `{path}` never collected statistics (num_batches_tracked 0, mean 0, variance 1), got none; calibrate first")
    beside = list(places("fold", model, inputs))
    result = copy.deepcopy(model).eval()
    modules = dict(result.named_modules())
    done, left = [], {}
    for place in beside:
        norm, why_after = modules[place.path], place.why_after
        after = modules[place.after] if place.after is not None else None
        if after is not None:
            why_after = _why_not_after(str(place.after), after, norm)
        if place.before is not None:
            _into_before(modules[place.before], *scale_and_offset(norm))
            done.append((place.path, place.before, "before"))
        elif after is not None and not why_after:
            _into_after(after, *scale_and_offset(norm))
            done.append((place.path, str(place.after), "after"))
        else:
            left[place.path] = "; ".join(filter(None, (place.why_before, why_after)))
            continue
        _put(result, place.path, nn.Sequential(*norm.children()) if list(norm.children()) else nn.Identity())
    error, bound = _difference(model, result, inputs), 100 * _eps(model) * (1 + len(done))
    if not error <= bound:
        raise ModelError(f"fold: the folded copy differs by {error:.2g} (relative), more than {bound:.2g}, after {len(done)} foldings; the model is unchanged")
    return Folding(result, tuple(done), left, error, bound)


def scale_and_offset(norm: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """Eval mode as y = s·x + t per channel, in float64."""
    mean, var = norm.running_mean.detach().double(), norm.running_var.detach().double()
    normalize = getattr(norm, "normalize", "both")
    s = torch.ones_like(var) if normalize == "mean" else (var + norm.eps).rsqrt()
    t = torch.zeros_like(mean) if normalize == "variance" else -mean * s
    weight, bias = getattr(norm, "weight", None), getattr(norm, "bias", None)
    if weight is not None:
        s, t = s * weight.detach().double(), t * weight.detach().double()
    return s, t if bias is None else t + bias.detach().double()


@torch.no_grad()
def _into_before(layer: nn.Module, s: torch.Tensor, t: torch.Tensor) -> None:
    weight = layer.weight.double()
    if isinstance(layer, TRANSPOSED):  # (in, out/groups, …)
        grouped = weight.unflatten(0, (layer.groups, -1))
        weight = (grouped * s.view(layer.groups, 1, -1, *(1,) * (weight.ndim - 2))).flatten(0, 1)
    else:
        weight = weight * s.view(-1, *(1,) * (weight.ndim - 1))
    _set(layer, weight, t if layer.bias is None else layer.bias.double() * s + t)


@torch.no_grad()
def _into_after(layer: nn.Module, s: torch.Tensor, t: torch.Tensor) -> None:
    weight = layer.weight.double()
    groups = getattr(layer, "groups", 1)
    grouped = weight.unflatten(0, (groups, -1))  # (groups, out/groups, in/groups, …)
    shape = (groups, 1, -1, *(1,) * (weight.ndim - 2))
    offset = (grouped * t.view(shape)).flatten(2).sum(2).flatten()
    _set(layer, (grouped * s.view(shape)).flatten(0, 1), offset if layer.bias is None else layer.bias.double() + offset)


def _why_not_after(path: str, layer: nn.Module, norm: nn.Module) -> str:
    """Empty where every output of `layer` sees all taps of what the norm puts out: then s and t can move into it."""
    if list(norm.children()):
        return f"an activation of its own stands between it and `{path}`"
    if isinstance(layer, TRANSPOSED):
        return f"`{path}` after it is transposed: its outputs see different numbers of taps"
    padded = isinstance(layer, CONVOLUTIONS) and layer.padding != "valid" and (isinstance(layer.padding, str) or any(layer.padding))
    if padded and layer.padding_mode == "zeros":
        return f"`{path}` after it pads with zeros: at the border fewer taps see the offset β − μ·s"
    return ""


def _set(layer: nn.Module, weight: torch.Tensor, bias: torch.Tensor) -> None:
    dtype = layer.weight.dtype
    layer.weight.copy_(weight.to(dtype))
    if layer.bias is None:
        layer.bias = nn.Parameter(bias.to(dtype))
    else:
        layer.bias.copy_(bias.to(dtype))


def _put(model: nn.Module, path: str, module: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, module.train(False))


def _eps(model: nn.Module) -> float:
    return max(torch.finfo(p.dtype).eps for p in model.parameters() if p.is_floating_point())


@torch.no_grad()
def _difference(model: nn.Module, folded: nn.Module, inputs: Any) -> float:
    """Both in eval mode; a copy of the model, so that no flag moves."""
    expected = [t for _, t in named_tensors(call_model(copy.deepcopy(model).eval(), inputs)) if t.is_floating_point()]
    got = [t for _, t in named_tensors(call_model(folded, inputs)) if t.is_floating_point()]
    size = max((float(t.abs().max()) for t in expected if t.numel()), default=0.0)
    errors = [float((a - b).abs().max()) for a, b in zip(expected, got, strict=True) if a.numel()]
    return max(errors, default=0.0) / max(size, 1e-30)
