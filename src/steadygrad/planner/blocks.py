"""Residual structure read off the graph: which sums carry a stream on, what is added to it, and what sets the size of what is added."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from math import prod

from steadygrad.graph.signal_graph import MOVED, Node, ParameterUse, SignalGraph

CARRIED = (*MOVED, "activation", "norm", "pointwise", "shift", "pool")  # between two sums of one stream
WITHIN = (*MOVED, "activation", "pointwise", "shift", "pool")  # between what sets a branch's size and its end


@dataclass(frozen=True)
class Branch:
    """One residual sum.

    Attributes:
        join: index of the sum.
        stream: index of the operand that carries the stream.
        end: index of the operand that is added to it.
        handle: the node and operand that sets the branch's size: its last weight, or the scale of its last norm; None where nothing does.
        normed: whether the branch reads the stream through a norm (pre-norm), so that its size owes nothing to the stream's.
        inner: indices of the branch's ops.
        length: how many branches this stream has.
    """

    join: int
    stream: int
    end: int
    handle: tuple[int, ParameterUse] | None
    normed: bool
    inner: frozenset[int]
    length: int = 1


def branches(graph: SignalGraph) -> dict[int, Branch]:
    """Join index → its branch, for every sum of a stream and what was made of it."""
    found: dict[int, Branch] = {}
    chain: dict[int, int] = {}
    lengths: dict[int, int] = {}
    sums: dict[int, tuple[int, set[int]]] = {}  # of two branches with nothing between them and what both read
    for node in graph.nodes:
        if node.kind != "join" or node.op != "add" or len(node.inputs) != 2 or node.inputs[0] == node.inputs[1]:
            continue
        sides = _parallel(graph, found, *node.inputs) or _sides(graph, *node.inputs)
        if sides is None:
            continue
        stream, end, projected, members = sides
        inner = next((i for i in _within(graph, end) if i in sums), None)
        if projected:
            sums[node.index], inner = (stream, members), None
        elif inner is not None:  # x + (f(x) + g(x)): g is a branch of x, and f the one that this sum adds
            other = found[inner]
            first, apart = sums.pop(inner)
            lengths[chain[inner]] -= 1
            end, members, within = first, members - apart - {inner}, other.inner
            found[inner] = replace(other, stream=stream, normed=_reads_through_norm(graph, stream, members | within))
        before = None if projected else next((i for i in _line(graph, stream, CARRIED) if i in found), None)
        root = chain[before] if before is not None else node.index
        for added in (node.index, *(() if inner is None else (inner,))):
            chain[added], lengths[root] = root, lengths.get(root, 0) + 1
        found[node.index] = Branch(node.index, stream, end, _handle(graph, end, members), _reads_through_norm(graph, stream, members), frozenset(members))
    return {i: replace(branch, length=lengths[chain[i]]) for i, branch in found.items()}


def quiet(graph: SignalGraph, found: dict[int, Branch]) -> dict[str, float]:
    """Weight → the factor on its E[w²] that keeps updates of a residual network without norms from growing with its depth.

    A step changes a branch of m weights by the sum over them of the product of the other weights' squares, and all L branches push the same
    way. With every weight but the last at L^(−1/(2m − 2)) of its usual scale, the L changes add up to that of one. The last takes the same
    factor more than its share of the stream, so that the branch starts m/(m − 1) powers of L below it – heard, unlike Fixup's zero. What
    levelling gives back grows a little: from 4 branches to 64 of two weights a first step changes outputs 3.6 times as much, 13 times without.
    Source: Zhang, Dauphin & Ma 2019, arXiv:1901.09321, theorem 2, for the factor; that the last is not zero is ours (benchmarks/init_quality.py).
    """
    if any(node.kind == "norm" for node in graph.nodes):
        return {}
    deep = [(b, names) for b in found.values() if b.handle is not None and len(names := _series(graph, b)) > 1 and b.handle[1].parameters[0] == names[-1]]
    return {name: len(deep) ** (-1.0 / (len(names) - 1)) for _, names in deep for name in names}


def _series(graph: SignalGraph, branch: Branch) -> list[str]:
    """The branch's weights where they stand one after the other; none where operands meet, as in attention, or a weight is made of others."""
    nodes = [graph.nodes[i] for i in sorted(branch.inner)]
    if any(node.kind in ("contract", "attention", "join", "loss") for node in nodes):
        return []
    uses = [use for node in nodes if node.kind == "affine" for use in node.uses if use.role == "weight"]
    return [] if any(use.derived for use in uses) else [use.parameters[0] for use in uses]


def _parallel(graph: SignalGraph, found: dict[int, Branch], one: int, other: int) -> tuple[int, int, bool, set[int]] | None:
    """As `_sides` for (x + f(x)) + g(x): the sum so far carries the stream on, although g never read it."""
    for carried, end in ((one, other), (other, one)):
        before = next((i for i in _line(graph, carried, MOVED) if i in found), None)
        meeting = _meeting(graph, carried, end)
        if before is None or meeting is None or end == before:
            continue
        base = _origin(graph, found[before].stream)
        if meeting == base or meeting in found[before].inner:
            members = _back(graph, end, meeting) - {base}
            if before not in members and _weights(graph, members):
                return carried, end, False, members
    return None


def _sides(graph: SignalGraph, one: int, other: int) -> tuple[int, int, bool, set[int]] | None:
    """(stream, end, whether the stream is projected, nodes of the branch), or None where the operands have nothing in common."""
    early, late = sorted((one, other), key=lambda i: _origin(graph, i))  # the stream may be cast right before the sum
    base = _origin(graph, early)
    members = _back(graph, late, base)
    if base in members:
        return (early, late, False, members - {base}) if _weights(graph, members - {base}) else None
    meeting = _meeting(graph, early, late)
    if meeting is None:
        return None
    left, right = _back(graph, early, meeting), _back(graph, late, meeting)
    if not (_weights(graph, left - right) and _weights(graph, right - left)):
        return None
    if _weights(graph, left - right) > _weights(graph, right - left):
        return late, early, True, left - {meeting}
    return early, late, True, right - {meeting}


def _line(graph: SignalGraph, index: int, kinds: tuple[str, ...]) -> Iterator[int]:
    """`index` and what it was made of, as long as that is one signal through ops of these kinds."""
    yield index
    while graph.nodes[index].kind in kinds and graph.nodes[index].inputs:
        index = graph.nodes[index].inputs[0]
        yield index


def _origin(graph: SignalGraph, index: int) -> int:
    """What made the numbers, behind views and casts."""
    return next(reversed(list(_line(graph, index, MOVED))))


def _back(graph: SignalGraph, start: int, until: int) -> set[int]:
    """Nodes from `start` back that were made no earlier than `until`."""
    seen, stack = set(), [start]
    while stack:
        index = stack.pop()
        if index >= until and index not in seen:
            seen.add(index)
            stack.extend(graph.nodes[index].inputs)
    return seen


def _meeting(graph: SignalGraph, one: int, other: int) -> int | None:
    """The last node that both operands were made of."""
    colours = {one: 1, other: 2}
    latest_first = [-one, -other]
    heapify(latest_first)
    while latest_first:
        index = -heappop(latest_first)
        if colours[index] == 3:
            return index
        for source in graph.nodes[index].inputs:
            if source not in colours:
                heappush(latest_first, -source)
            colours[source] = colours.get(source, 0) | colours[index]
    return None


def _weights(graph: SignalGraph, members: set[int]) -> int:
    return sum(graph.nodes[i].kind in ("affine", "scale") for i in members)


def _handle(graph: SignalGraph, end: int, members: set[int]) -> tuple[int, ParameterUse] | None:
    index = next((i for i in _within(graph, end) if graph.nodes[i].kind in ("affine", "norm", "scale")), None)
    if index is None or index not in members or graph.nodes[index].options.get("gates"):
        return None
    use = next((u for u in graph.nodes[index].uses if u.role in ("weight", "scale")), None)
    return None if use is None else (index, use)


def _within(graph: SignalGraph, index: int) -> Iterator[int]:
    """`index` and what it was made of, up to what sets the size of a branch, through gates on its result as squeeze-and-excitation has them."""
    yield index
    while graph.nodes[index].inputs:
        node = graph.nodes[index]
        if node.kind == "join" and node.op == "mul":
            index = max(node.inputs, key=lambda i: _entries(graph.nodes[i]))  # a gate is broadcast
        elif node.kind in WITHIN:
            index = node.inputs[0]
        else:
            return
        yield index


def _entries(node: Node) -> int:
    return prod(node.outputs[0].shape) if node.outputs else 0


def _reads_through_norm(graph: SignalGraph, stream: int, members: set[int]) -> bool:
    """Whether the first op of the branch that changes the signal is a norm."""
    for index in sorted(members):
        node: Node = graph.nodes[index]
        if node.kind in MOVED:
            continue
        return node.kind == "norm"
    return False
