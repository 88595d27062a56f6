"""Fixup: residual networks without norms whose updates do not grow with depth."""

from steadygrad.errors import InputError
from steadygrad.planner.blocks import Branch
from steadygrad.planner.design import Design
from steadygrad.planner.recipes.recipe import Recipe, plain, weights
from steadygrad.planner.working_point import gain


class Fixup(Recipe):
    """Last weight of every branch and the output layer 0, the other m − 1 weights of a branch He's times L^(−1/(2m − 2)).

    The scalar biases and multipliers of the paper are the architecture's: parameters of that kind are kept as they are.
    Source: Zhang, Dauphin & Ma 2019, arXiv:1901.09321, section 3.
    """

    name = "fixup"
    formula = "std = gain/√fan_in·L^(−1/(2m − 2)); last of a branch and output layer 0"
    source = "Zhang, Dauphin & Ma 2019, arXiv:1901.09321"
    needs = "residual branches of at least two weights, and no norms"

    def adjust(self, design: Design) -> None:
        """L branches of a stream, m weights each.

        Raises:
            InputError: there is no such branch, or a norm.
        """
        deep = {join: b for join, b in design.branches.items() if self._within(design, b)}
        norms = [node.label for node in design.graph.nodes if node.kind == "norm"]
        if not deep or norms:
            got = f"a norm at `{norms[0]}`" if norms else f"{len(design.branches)} branches"
            raise InputError(f"recipe 'fixup' needs residual branches of at least two weights and no norms, got {got}; use 'auto'")
        plain(design, "starts at one")
        for name, node, use in weights(design):
            assert use.fans is not None  # weights() gives no other
            design.moments[name], design.reasons[name] = gain(design.graph, node) ** 2 / use.fans.fan_in, "He's"
            if node.index not in design.graph.feeds_weights:
                design.moments[name], design.reasons[name] = 0.0, "the output layer starts at 0"
        for branch in deep.values():
            inside = self._within(design, branch)
            factor = branch.length ** (-1.0 / (2 * len(inside) - 2))
            for name in inside[:-1]:
                design.moments[name] *= factor**2
                design.reasons[name] = f"He's times {branch.length}^(−1/{2 * len(inside) - 2})"
            design.moments[inside[-1]], design.reasons[inside[-1]] = 0.0, "branches start silent"

    def _within(self, design: Design, branch: Branch) -> list[str]:
        """The branch's weights in order, if there are two at least."""
        found = [name for name, node, _ in weights(design) if node.index in branch.inner]
        return found if len(found) > 1 else []
