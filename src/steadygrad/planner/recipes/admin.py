"""Admin: post-norm transformers whose streams are weighted so that no branch decides the early updates."""

from steadygrad.errors import InputError
from steadygrad.planner.blocks import Branch
from steadygrad.planner.design import Design
from steadygrad.planner.recipes.recipe import Recipe, plain, weights
from steadygrad.schemes.glorot import glorot_normal


class Admin(Recipe):
    """Glorot's weights, and ω_i = √(Σ_{j<i} Var f_j) in x ← norm(ω_i·x + f_i(x)): as much stream as all branches before it.

    The variances are those that the walk predicts, ω = 1 before the first branch; the paper measures them on a batch.
    Source: Liu, Liu, Gao, Chen & Han 2020, EMNLP, arXiv:2004.08249, section 4.2.
    """

    name = "admin"
    formula = "ω_i = √(Σ_{j<i} Var f_j); weights √(2/(fan_in + fan_out))"
    source = "Liu, Liu, Gao, Chen & Han 2020, arXiv:2004.08249, section 4.2"
    needs = "residual joins norm(ω·x + f(x)) with a parameter ω of each"
    scheme = glorot_normal()

    def adjust(self, design: Design) -> None:
        """ω from what the branches before put out.

        Raises:
            InputError: no stream is multiplied by a parameter before it is joined.
        """
        plain(design, "starts at one")
        for name, _, use in weights(design):
            assert use.fans is not None  # weights() gives no other
            design.moments[name], design.reasons[name] = 2.0 / (use.fans.fan_in + use.fans.fan_out), "Glorot's"
        found = [(branch, omega) for _, branch in sorted(design.branches.items()) if (omega := _omega(design, branch))]
        if not found:
            got = f"got none in {len(design.branches)} branches"
            raise InputError(f"recipe {self.name!r} needs joins of the form ω·x + f(x) with a parameter ω, {got}; use 'auto'")
        total, walk = 0.0, design.finish_as_is()
        for branch, name in found:
            design.moments[name] = total or 1.0
            design.reasons[name] = "the variances of the branches before it" if total else "nothing before it"
            total += walk.signals[branch.end].value


def _omega(design: Design, branch: Branch) -> str | None:
    """The parameter that multiplies the stream where it is joined."""
    made = design.graph.nodes[branch.stream]
    return None if made.kind == "norm" else next((use.parameters[0] for use in made.uses if use.role == "scale"), None)
