"""What stands right before and right after each batch norm, from a trace."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from steadygrad.graph.signal_graph import Node, SignalGraph
from steadygrad.graph.trace import trace
from steadygrad.graph.transaction import transaction
from steadygrad.normalization.tools.find import require_batch_norms

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


SHAPE_ONLY = ("reshape_as", "view_as", "expand_as", "broadcast_to")  # of their second input they read the shape, not the numbers
MERGES = ("flatten", "reshape", "view", "reshape_as", "view_as")
SWAPS = ("transpose", "permute", "swapaxes", "swapdims", "movedim", "moveaxis", "mT")


@dataclass(frozen=True)
class Place:
    """A batch norm and the layers beside it; None where something else is there, with the reason for each side."""

    path: str
    before: str | None
    after: str | None
    why_before: str = ""
    why_after: str = ""


def places(tool: str, model: nn.Module, inputs: Any) -> Iterator[Place]:
    """One for each batch norm of `model`, traced in eval mode without leaving a mark.

    A layer counts as beside a norm when its units are the norm's channels: a Linear's are on the last axis, which must become
    axis 1 by views on the way. Behind the norm dropout, idle in eval mode, and padding by copies are looked through.

    Raises:
        ModelError: no batch norms, or the model's forward raised.
    """
    found = require_batch_norms(tool, model)
    modules = dict(model.named_modules())
    with transaction(model, inputs=inputs), torch.no_grad():
        model.eval()
        graph = trace(model, inputs).graph
    for path in found:
        own = [node for node in graph.nodes if node.where == path]
        if not own:
            yield Place(path, None, None, "was not reached by these inputs")
        elif any(node.call for node in own):
            yield Place(path, None, None, "is used more than once")
        else:
            yield _beside(graph, modules, path, own)


def _beside(graph: SignalGraph, modules: dict[str, nn.Module], path: str, own: list[Node]) -> Place:
    inside = {node.index for node in own}
    sources = {i for node in own for i in node.inputs} - inside
    exits = [i for i in inside if set(_readers(graph, i)) - inside or i in graph.outputs]
    if len(sources) != 1 or len(exits) != 1:
        return Place(path, None, None, "reads or feeds more than one signal")
    before, why_before = _before(graph, modules, graph.nodes[next(iter(sources))], inside)
    after, why_after = _after(graph, modules, graph.nodes[exits[0]], inside)
    return Place(path, before, after, why_before, why_after)


def _before(graph: SignalGraph, modules: dict[str, nn.Module], node: Node, readers: set[int]) -> tuple[str | None, str]:
    axis = 1
    while True:
        others = set(_readers(graph, node.index)) - readers or node.index in graph.outputs
        further = None if others or node.kind != "view" else _axis_before(graph, node, axis)
        if further is None:
            break
        node, readers, axis = graph.nodes[node.inputs[0]], {node.index}, further
    layer, why = _layer(graph, modules, node)
    if layer is None:
        return None, f"before it {why}"
    if others:
        return None, f"`{layer}` before it is read by something else too"
    if node.unit_axis != axis:
        return None, f"the norm's channels are axis {axis} of `{layer}` before it, whose units are axis {node.unit_axis}"
    return layer, ""


def _after(graph: SignalGraph, modules: dict[str, nn.Module], node: Node, inside: set[int]) -> tuple[str | None, str]:
    while True:
        later = [i for i in _readers(graph, node.index) if i not in inside]
        if node.index in graph.outputs or not later:
            return None, "after it the model ends"
        if len(later) > 1:
            return None, f"after it {len(later)} things read it"
        reader = graph.nodes[later[0]]
        if reader.kind != "dropout" and not (reader.op == "pad" and getattr(modules.get(reader.where), "padding_mode", "zeros") != "zeros"):
            break
        node = reader
    layer, why = _layer(graph, modules, reader)
    if layer is None:
        return None, f"after it {why}"
    weight, axes = modules[layer].weight, len(node.outputs[0].shape)
    if axes != weight.ndim:  # type: ignore[union-attr]
        return None, f"`{layer}` after it does not contract axis 1 of {axes}, the norm's"
    return layer, ""


def _readers(graph: SignalGraph, index: int) -> list[int]:
    """Those that read the numbers of node `index`."""
    return [i for i in graph.consumers()[index] if not (graph.nodes[i].op in SHAPE_ONLY and graph.nodes[i].inputs[0] != index)]


def _axis_before(graph: SignalGraph, node: Node, axis: int) -> int | None:
    """Which axis of its input became `axis` of a view; None where shapes do not tell."""
    old, new = graph.nodes[node.inputs[0]].outputs[0].shape, node.outputs[0].shape
    if node.op in MERGES and axis == len(new) - 1 == 1 and old[-1:] == new[-1:]:
        return len(old) - 1  # (…, C) becomes (M, C): only leading axes were merged
    if node.op in SWAPS and sorted(old) == sorted(new) and len(set(old)) == len(old):
        return old.index(new[axis])
    return None


def _layer(graph: SignalGraph, modules: dict[str, nn.Module], node: Node) -> tuple[str | None, str]:
    """The linear layer whose only op `node` is, or why there is none."""
    module = modules.get(node.where)
    if node.kind != "affine" or not isinstance(module, (nn.Linear, *CONVOLUTIONS, *TRANSPOSED)):
        return None, f"stands {node.label}, no linear layer or convolution"
    if sum(other.where == node.where and other.kind == "affine" for other in graph.nodes) > 1:
        return None, f"stands `{node.where}`, which is used more than once"
    for use in node.uses:
        for name in use.parameters:
            if use.derived or len(graph.parameters[name].names) > 1 or len(list(graph.uses_of(name))) > 1:
                return None, f"stands `{node.where}`, whose `{name}` is tied, shared or computed from other parameters"
    return node.where, ""
