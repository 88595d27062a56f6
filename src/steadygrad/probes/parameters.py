"""Readings of the parameters and their gradients."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import torch
from torch import nn

from steadygrad.graph.sharded import whole
from steadygrad.graph.signal_graph import SignalGraph
from steadygrad.probes import statistics
from steadygrad.probes.evidence import ParameterReading
from steadygrad.probes.fresh_draw import fresh_law
from steadygrad.probes.recurrent_memory import kept_shares
from steadygrad.probes.statistics import Reading


def unit_axes(graph: SignalGraph) -> dict[str, int | None]:
    """Canonical name → the axis of the parameter that enumerates output units in its first use; None where it has none."""
    axes: dict[str, int | None] = {}
    for node in graph.nodes:
        for use in node.uses:
            for name in use.parameters:
                axes.setdefault(name, use.unit_axis if not use.derived and use.role in ("weight", "recurrent") else None)
    return axes


def _biases(graph: SignalGraph) -> dict[str, str]:
    """Canonical name of a weight → that of the one bias added to what it gives in its first use."""
    found: dict[str, str] = {}
    for node in graph.nodes:
        own = [use.parameters[0] for use in node.uses if use.role == "bias" and not use.derived]
        for use in node.uses:
            for name in use.parameters if use.role == "weight" and not use.derived else ():
                found.setdefault(name, own[0] if len(own) == 1 else "")
    return found


def parameter_readings(
    graph: SignalGraph, parameters: Mapping[str, nn.Parameter], gradients: Mapping[str, torch.Tensor | None], detail: str
) -> dict[str, ParameterReading]:
    """Canonical name → reading of value and gradient; rows are read along the unit axis of the parameter's first use."""
    axes, biases = unit_axes(graph), _biases(graph)
    found = {}
    for name, parameter in parameters.items():
        bias = parameters.get(biases.get(name, ""))
        found[name] = _parameter_reading(graph, name, parameter, gradients.get(name), axes.get(name), bias, detail)
    for name, kept in kept_shares(graph, parameters).items():
        found[name] = replace(found[name], kept=kept)
    return found


def _parameter_reading(
    graph: SignalGraph, name: str, parameter: nn.Parameter, gradient: torch.Tensor | None, axis: int | None,
    bias: nn.Parameter | None, detail: str,
) -> ParameterReading:  # fmt: skip
    value = whole(parameter.detach())
    rows = detail == "full" and axis is not None and value.ndim > 1
    reading = statistics.read(value, axis if rows else None, magnitudes=detail == "full", rows=rows, units=False)
    if gradient is None:
        return ParameterReading(reading, fresh="" if parameter.requires_grad else fresh_law(graph, name, value, reading.moments))
    if gradient.is_sparse:
        gradient = gradient.to_dense()
    gradient = whole(gradient)
    of_gradient = statistics.read(gradient, magnitudes=detail == "full")
    twins = _equal_gradients(reading, gradient, axis, bias) if rows and axis is not None else 0
    return ParameterReading(reading, of_gradient, equal_gradients=twins)


def _equal_gradients(reading: Reading, gradient: torch.Tensor, axis: int, bias: nn.Parameter | None) -> int:
    """Rows that repeat an earlier row of the weight and receive the same gradient up to summation rounding.

    Where some of the alike move, those that this batch leaves where they are do not count: another batch may move them. Where
    they are less than half of the layer, they must have the same bias too.
    """
    if reading.rows is None or not reading.rows.duplicate_groups:
        return 0
    rows = gradient.movedim(axis, 0).reshape(gradient.shape[axis], -1)
    wide = rows.to(torch.complex128 if rows.is_complex() else torch.float64)
    tolerance = 64.0 * torch.finfo(gradient.dtype).eps * float(wide.norm(dim=1).max())

    def alike(groups: Iterable[tuple[int, ...]]) -> int:
        count = 0
        for group in groups:
            members = wide[list(group)]
            moved = members.norm(dim=1) > tolerance
            if bool(moved[0]) or not bool(moved.any()):
                count += int(((members[1:] - members[:1]).norm(dim=1) <= tolerance).sum())
        return count

    whole_layer = alike(reading.rows.duplicate_groups)
    if 2 * whole_layer >= len(rows):  # a few agree by chance, not most of a layer: there biases make no difference, as before a norm
        return whole_layer
    return alike(_of_equal_bias(reading.rows.duplicate_groups, bias, len(rows)))


def _of_equal_bias(groups: tuple[tuple[int, ...], ...], bias: nn.Parameter | None, units: int) -> list[tuple[int, ...]]:
    """The groups split by the units' biases: units apart from the start may get one gradient for now, as where what follows is piecewise linear."""
    if bias is None or bias.numel() != units:
        return list(groups)
    values, found = whole(bias.detach()).flatten().tolist(), list[tuple[int, ...]]()
    for group in groups:
        alike: dict[float, list[int]] = {}
        for unit in group:
            alike.setdefault(values[unit], []).append(unit)
        found += [tuple(same) for same in alike.values() if len(same) > 1]
    return found
