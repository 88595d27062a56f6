"""Glorot's compromise between forward and backward, for every weight."""

from steadygrad.planner.design import Design
from steadygrad.planner.recipes.recipe import Recipe, plain, weights
from steadygrad.schemes.glorot import glorot_normal


class Xavier(Recipe):
    """E[w²] = 2/(fan_in + fan_out), whatever the activation.

    Source: Glorot & Bengio 2010, eq. 12 (there uniform).
    """

    name = "xavier"
    formula = "E[w²] = 2/(fan_in + fan_out)"
    source = "Glorot & Bengio 2010, eq. 12"
    needs = "activations that are linear near 0, such as tanh"
    scheme = glorot_normal()

    def adjust(self, design: Design) -> None:
        """Fans of the use, gain 1."""
        plain(design, "starts at one")
        for name, _, use in weights(design):
            assert use.fans is not None  # weights() gives no other
            design.moments[name], design.reasons[name] = 2.0 / (use.fans.fan_in + use.fans.fan_out), "2/(fan_in + fan_out)"
