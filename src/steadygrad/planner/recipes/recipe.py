"""`Recipe`: scales for a whole graph, by one published rule."""

from typing import ClassVar

from steadygrad.graph.signal_graph import Node, ParameterUse
from steadygrad.planner.design import Design
from steadygrad.schemes.he import he_normal
from steadygrad.schemes.scheme import Scheme


class Recipe:
    """A preset of the planner: the same graph, fans, roles and intent, other scales.

    A subclass is one file and one line in `recipes/__init__.py`; it writes `adjust` and the class attributes.

    Class attributes:
        name: what users ask for.
        formula, source: of the rule.
        needs: the architecture it is for.
        scheme: the distribution of its weights.
        runs: how often the model is run with the weights so far, to correct what was predicted.
    """

    name: ClassVar[str]
    formula: ClassVar[str]
    source: ClassVar[str]
    needs: ClassVar[str]
    scheme: ClassVar[Scheme] = he_normal()
    runs: ClassVar[int] = 0

    def adjust(self, design: Design) -> None:
        """Replace the design's `moments` (E[w²] per parameter) and `reasons` by those of the rule.

        Raises:
            InputError: the model is not of the architecture that the rule is for.
        """
        raise NotImplementedError


def weights(design: Design) -> list[tuple[str, Node, ParameterUse]]:
    """Every weight whose scale is chosen, with its first use, in execution order."""
    found: dict[str, tuple[str, Node, ParameterUse]] = {}
    for node in design.graph.nodes:
        for use in node.uses:
            if use.role == "weight" and use.fans is not None and use.parameters[0] in design.moments:
                found.setdefault(use.parameters[0], (use.parameters[0], node, use))
    return list(found.values())


def plain(design: Design, reason: str) -> None:
    """Forget what the solver decided: unit norms, unit tables, no random or shifted biases, no limits."""
    for decided in (design.caps, design.shrunk, design.centred, design.biases, design.starts):
        decided.clear()
    for name in design.moments:
        design.moments[name], design.reasons[name] = 1.0, reason
