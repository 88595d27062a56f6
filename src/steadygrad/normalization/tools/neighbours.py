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


@dataclass(frozen=True)
class Place:
    """A batch norm and the layers beside it; None where something else is there, with the reason in `why`."""

    path: str
    before: str | None
    after: str | None
    why: str


def places(tool: str, model: nn.Module, inputs: Any) -> Iterator[Place]:
    """One for each batch norm of `model`, traced in eval mode without leaving a mark.

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
    readers = graph.consumers()
    exits = [i for i in inside if set(readers[i]) - inside or i in graph.outputs]
    if len(sources) != 1 or len(exits) != 1:
        return Place(path, None, None, "reads or feeds more than one signal")
    source = graph.nodes[next(iter(sources))]
    before, why = _layer(graph, modules, source)
    if before is not None and (set(readers[source.index]) - inside or source.index in graph.outputs):
        before, why = None, f"`{before}` before it is read by something else too"
    after, later = None, [i for i in readers[exits[0]] if i not in inside]
    if len(later) == 1 and exits[0] not in graph.outputs:
        after, _ = _layer(graph, modules, graph.nodes[later[0]])
    return Place(path, before, after, why)


def _layer(graph: SignalGraph, modules: dict[str, nn.Module], node: Node) -> tuple[str | None, str]:
    """The linear layer whose only op `node` is, or why there is none."""
    module = modules.get(node.where)
    if node.kind != "affine" or not isinstance(module, (nn.Linear, *CONVOLUTIONS, *TRANSPOSED)):
        return None, f"beside it stands {node.label}, no linear layer or convolution"
    if sum(other.where == node.where and other.kind == "affine" for other in graph.nodes) > 1:
        return None, f"`{node.where}` is used more than once"
    for use in node.uses:
        for name in use.parameters:
            if use.derived or len(graph.parameters[name].names) > 1 or len(list(graph.uses_of(name))) > 1:
                return None, f"`{name}` is tied, shared or computed from other parameters"
    return node.where, ""
