"""GPT-2's widths: 0.02 everywhere, and less for what is added to the stream."""

from steadygrad.errors import InputError
from steadygrad.planner.design import Design
from steadygrad.planner.recipes.recipe import Recipe, plain, weights

STD = 0.02


class GPT2(Recipe):
    """w ~ N(0, 0.02²); the last weight of each of a stream's n branches N(0, 0.02²/n), found by the graph and not by name.

    Source: Radford et al. 2019, section 2.3.
    """

    name = "gpt2"
    formula = "E[w²] = 0.02², over the number of branches for their last weights"
    source = "Radford et al. 2019 (GPT-2), section 2.3"
    needs = "a pre-norm transformer"

    def adjust(self, design: Design) -> None:
        """Absolute widths.

        Raises:
            InputError: the model has no residual branch that reads the stream through a norm.
        """
        if not any(branch.normed for branch in design.branches.values()):
            raise InputError(f"recipe 'gpt2' needs residual branches that begin with a norm, got none among {len(design.branches)} branches; use 'auto'")
        tables = [name for name in design.moments if any(use.role in ("table", "other") for _, use in design.graph.uses_of(name))]
        plain(design, "starts at one")
        for name in tables:
            design.moments[name], design.reasons[name] = STD**2, "0.02"
        for name, _, _ in weights(design):
            branch = design.handles.get(name)
            n = branch.length if branch is not None else 1
            design.moments[name], design.reasons[name] = STD**2 / n, "0.02" if n == 1 else f"0.02/√{n}: one of {n} branches"
