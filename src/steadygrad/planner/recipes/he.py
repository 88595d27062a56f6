"""He's scale at the gain of the activation each weight reads."""

from steadygrad.planner.design import Design
from steadygrad.planner.recipes.recipe import Recipe, plain, weights
from steadygrad.planner.working_point import gain


class He(Recipe):
    """E[w²] = gain²/fan_in, gain 1/√E[φ²] of the activation that the weight reads, 1 after none.

    Source: He et al. 2015, arXiv:1502.01852, eq. 10.
    """

    name = "he"
    formula = "E[w²] = gain²/fan_in"
    source = "He et al. 2015, arXiv:1502.01852, eq. 10"
    needs = "plain chains of rectifiers, or norms after every weight"

    def adjust(self, design: Design) -> None:
        """Fans and gains of the graph; residual sums are not looked at."""
        plain(design, "starts at one")
        for name, node, use in weights(design):
            assert use.fans is not None  # weights() gives no other
            read = gain(design.graph, node)
            design.moments[name], design.reasons[name] = read**2 / use.fans.fan_in, f"gain {read:.4g} of what it reads, over √fan_in"
