"""Waists: ops through which the whole signal must pass, and the blocks between them."""

import math
from dataclasses import dataclass

from steadygrad.graph.signal_graph import Node, SignalGraph

WEIGHTED = ("affine", "contract", "attention")


@dataclass(frozen=True)
class Block:
    """What lies between two waists: nodes after `start` up to `end`, both in execution order.

    `nodes` are those on the way to the output; `where` is the deepest module path that all its weights share.
    """

    start: int
    end: int
    nodes: tuple[int, ...]
    where: str


def waists(graph: SignalGraph) -> tuple[int, ...]:
    """Nodes that every path from the first signal to the output goes through, in execution order.

    The signal is what a parameter has touched, and the floating inputs that feed the first such op; masks and positions
    computed from integers are no signal. A skip connection leaves no waist between its ends.
    """
    carrying = _carrying(graph)
    waist, farthest = [], -1
    last_source = max((i for i in carrying if not carrying.intersection(graph.nodes[i].inputs)), default=-1)
    readers = graph.consumers()
    for index in sorted(carrying):
        if index >= last_source and farthest <= index and len(graph.nodes[index].outputs) == 1:
            waist.append(index)
        farthest = max([farthest, *(r for r in readers[index] if r in carrying)])
    return tuple(waist)


def blocks(graph: SignalGraph) -> tuple[Block, ...]:
    """Consecutive stretches between waists, each with one stretch of weights and what follows it (norm, activation, pool)."""
    cuts = waists(graph)
    carrying = sorted(_carrying(graph))
    found: list[Block] = []
    start, held = (cuts[0], False) if cuts else (0, False)
    for before, here in zip(cuts, cuts[1:], strict=False):
        weighted = any(graph.nodes[i].kind in WEIGHTED for i in carrying if before < i <= here)
        if weighted and held:
            found.append(_block(graph, carrying, start, before))
            start = before
        held = held or weighted
    if held and cuts[-1] > start:
        found.append(_block(graph, carrying, start, cuts[-1]))
    return tuple(found)


def _carrying(graph: SignalGraph) -> set[int]:
    """Floating nodes on the way to the (largest floating) output that carry the signal."""
    floating = [o for o in graph.outputs if _floats(graph.nodes[o])]
    if not floating:
        return set()
    output = max(floating, key=lambda o: math.prod(graph.nodes[o].outputs[0].shape))
    needed = {output, *graph.ancestors(output)}
    touched: set[int] = set()
    for node in graph.nodes:
        if node.index in needed and _floats(node) and (node.uses or touched.intersection(node.inputs)):
            touched.add(node.index)
    if touched:  # what leads to the first weight: the floating input, and what was done to it
        first = graph.nodes[min(touched)]
        touched.update(i for i in graph.ancestors(first.index) if _floats(graph.nodes[i]))
    return touched


def _block(graph: SignalGraph, carrying: list[int], start: int, end: int) -> Block:
    nodes = tuple(i for i in carrying if start < i <= end)
    paths = [graph.nodes[i].where.split(".") for i in nodes if graph.nodes[i].kind in WEIGHTED]
    shared = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return Block(start, end, nodes, ".".join(shared))


def _floats(node: Node) -> bool:
    return bool(node.outputs) and "float" in node.outputs[0].dtype
