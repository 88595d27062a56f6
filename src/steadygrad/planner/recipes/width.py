"""Maximal updates and the spectral condition: starts at which learning rates carry over from a narrow network to a wide one."""

from steadygrad.planner.design import Design
from steadygrad.planner.recipes.recipe import Recipe, plain, weights
from steadygrad.planner.working_point import gain
from steadygrad.schemes.width_scaling import spectral


class MuP(Recipe):
    """He's scale within the network, outputs of variance 1/fan_in²; the rates belong to it: `Plan.groups(model, lr, base=…)`.

    Attention logits divided by the head's width instead of its root are the architecture's; a table that is also the output layer is
    outside of the rule.
    Source: Yang et al. 2022, arXiv:2203.03466, table 3.
    """

    name = "mup"
    formula = "Var[w] = gain²/fan_in, outputs 1/fan_in²"
    source = "Yang et al. 2022, arXiv:2203.03466, table 3"
    needs = "learning rates by width: Plan.groups(model, lr, base=plan of the narrow model)"

    def adjust(self, design: Design) -> None:
        """By fan_in alone."""
        plain(design, "starts at one")
        for name, node, use in weights(design):
            assert use.fans is not None  # weights() gives no other
            if node.index in design.graph.feeds_weights:
                design.moments[name], design.reasons[name] = gain(design.graph, node) ** 2 / use.fans.fan_in, "He's"
            else:
                design.moments[name], design.reasons[name] = use.fans.fan_in**-2.0, "an output: 1/fan_in²"


class Spectral(Recipe):
    """Weights whose spectral norm is √(fan_out/fan_in); the rates belong to it: `Plan.groups(model, lr, base=…)`.

    Source: Yang, Simon & Bernstein 2023, arXiv:2310.17813, condition 1.
    """

    name = "spectral"
    formula = "Var[w] = gain²·min(1, fan_out/fan_in)/fan_in"
    source = "Yang, Simon & Bernstein 2023, arXiv:2310.17813, condition 1"
    needs = "learning rates by width: Plan.groups(model, lr, base=plan of the narrow model)"
    scheme = spectral()

    def adjust(self, design: Design) -> None:
        """By both fans."""
        plain(design, "starts at one")
        for name, node, use in weights(design):
            assert use.fans is not None  # weights() gives no other
            design.moments[name] = spectral().law(use.fans, gain(design.graph, node)).std ** 2
            design.reasons[name] = f"spectral norm of order √({use.fans.fan_out:g}/{use.fans.fan_in:g})"
