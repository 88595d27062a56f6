"""LSUV: orthogonal weights, scaled until every output has unit variance on the batch at hand."""

from steadygrad.planner.design import Design
from steadygrad.planner.recipes.recipe import Recipe, plain, weights
from steadygrad.schemes.orthogonal import orthogonal


class LSUV(Recipe):
    """Orthogonal weights with output second moment 1, measured: every call of every weight in the same runs of the whole model.

    A weight called at several places gets the mean of what they ask for. The paper scales layer after layer, a forward pass each time;
    here the predicted effect of each rescaling on what follows is applied at once and two runs correct what prediction missed.
    Source: Mishkin & Matas 2016, arXiv:1511.06422, algorithm 1.
    """

    name = "lsuv"
    formula = "w ← w/√E[y²], w orthogonal"
    source = "Mishkin & Matas 2016, arXiv:1511.06422, algorithm 1"
    needs = "a batch"
    scheme = orthogonal()
    runs = 3

    def adjust(self, design: Design) -> None:
        """Unit outputs along the signal, as corrected by what was measured."""
        plain(design, "starts at one")
        for name, _, _ in weights(design):
            del design.moments[name]
        walk = design.blank_walk()
        for node in design.graph.nodes:
            if node.index in design.inputs:
                walk.signals[node.index] = design.inputs[node.index]
                continue
            for use in node.uses:
                if use.role == "weight" and use.fans is not None and use.parameters[0] not in (*design.kept, *design.moments):
                    read = walk.passage(node).incoming
                    unit = use.fans.fan_in * (read[0].value if read and read[0].value > 0.0 else 1.0)
                    design.moments[use.parameters[0]] = 1.0 / (unit * design.corrections.get(node.index, 1.0))
                    design.reasons[use.parameters[0]] = "unit outputs on this batch"
            walk.forward(node)
