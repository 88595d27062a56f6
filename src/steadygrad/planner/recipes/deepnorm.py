"""DeepNorm and T-Fixup: the same weights of a transformer made smaller, by different powers of its depth."""

from collections.abc import Iterator

from steadygrad.errors import InputError
from steadygrad.graph.signal_graph import Node, ParameterUse
from steadygrad.planner.design import Design
from steadygrad.planner.recipes.recipe import Recipe, plain, weights
from steadygrad.randomness.composed import blocks
from steadygrad.randomness.law import normal
from steadygrad.schemes.glorot import glorot_normal


class DeepNorm(Recipe):
    """Glorot's scale; values, attention outputs and feed-forward weights times β = (8N)^(−1/4) in N blocks.

    The stream's factor α = (2N)^(1/4) before each norm is the architecture's.
    Source: Wang et al. 2022, arXiv:2203.00555, figure 2 (encoder only, or decoder only).
    """

    name = "deepnorm"
    formula = "std = √(2/(fan_in + fan_out)), times (8N)^(−1/4) for values, outputs and feed-forward"
    source = "Wang et al. 2022, arXiv:2203.00555, figure 2"
    needs = "post-norm transformer blocks whose stream is multiplied by (2N)^(1/4)"
    scheme = glorot_normal()

    def factor(self, blocks_: int) -> float:
        """β for so many blocks."""
        return float((8.0 * blocks_) ** -0.25)

    def adjust(self, design: Design) -> None:
        """N from the attention ops.

        Raises:
            InputError: no attention was seen.
        """
        count = sum(1 for _ in _attentions(design))
        if not count:
            raise InputError(f"recipe {self.name!r} needs attention, got none among {len(design.graph.nodes)} ops; use 'auto'")
        beta, fused = self.factor(count), _fused(design)
        mixing = {name for node in _attentions(design) for name in _projections(design, node, (0, 1))}
        plain(design, "starts at one")
        for name, node, use in weights(design):
            assert use.fans is not None  # weights() gives no other
            parts = 3.0 if name in fused else 1.0
            own = 2.0 / (use.fans.fan_in + use.fans.fan_out / parts)
            inner = node.index in design.graph.feeds_weights
            if name in fused:
                third = normal(own**0.5)
                design.laws[name] = blocks(third, third, normal(beta * own**0.5), axis=use.unit_axis or 0)
                design.moments[name], design.reasons[name] = own * (2.0 + beta**2) / 3.0, f"queries and keys Glorot's, values times {beta:.3g}"
            elif name in mixing or not inner:
                design.moments[name], design.reasons[name] = own, "Glorot's"
            else:
                design.moments[name], design.reasons[name] = own * beta**2, f"Glorot's times {beta:.3g} for {count} blocks"


class TFixup(DeepNorm):
    """Glorot's scale; values, attention outputs and feed-forward weights times 0.67·N^(−1/4): transformers without norm or warm-up.

    Tables of width d start at N(0, 1/d) times (9N)^(−1/4).
    Source: Huang et al. 2020, ICML, section 3.2 (encoder).
    """

    name = "t_fixup"
    formula = "std = √(2/(fan_in + fan_out)), times 0.67·N^(−1/4) for values, outputs and feed-forward; tables (9N)^(−1/4)/√d"
    source = "Huang, Perez, Ba & Volkovs 2020, ICML, section 3.2"
    needs = "transformer blocks without norms"

    def factor(self, blocks_: int) -> float:
        """The encoder's."""
        return float(0.67 * blocks_**-0.25)

    def adjust(self, design: Design) -> None:
        """As DeepNorm's with this factor, and tables.

        Raises:
            InputError: no attention was seen.
        """
        super().adjust(design)
        count = sum(1 for _ in _attentions(design))
        for name in design.moments:
            table = next((use for _, use in design.graph.uses_of(name) if use.role == "table"), None)
            if table is not None:
                design.moments[name], design.reasons[name] = (9.0 * count) ** -0.5 / table.shape[-1], f"1/√width times {(9.0 * count) ** -0.25:.3g}"


def _attentions(design: Design) -> Iterator[Node]:
    graph = design.graph
    yield from (n for n in graph.nodes if n.kind == "attention" or (n.op == "softmax" and n.index in graph.feeds_weights))


def _projections(design: Design, node: Node, which: tuple[int, ...]) -> set[str]:
    """Weights that made these operands of an attention op."""
    graph, found = design.graph, set()
    sources = [node.inputs[i] for i in which if i < len(node.inputs)]
    if node.kind == "softmax":
        made = graph.nodes[node.inputs[0]]
        while made.kind != "contract" and made.inputs:
            made = graph.nodes[made.inputs[0]]
        sources = list(made.inputs)
    for index in sources:
        made = graph.nodes[index]
        while made.kind not in ("affine", "norm") and made.inputs:
            made = graph.nodes[made.inputs[0]]
        found |= {use.parameters[0] for use in made.uses if use.role == "weight"}
    return found


def _fused(design: Design) -> set[str]:
    """Weights that make queries, keys and values at once, as equal thirds of their outputs."""
    found: set[str] = set()
    for node in _attentions(design):
        if node.kind == "attention":
            found |= _projections(design, node, (0,)) & _projections(design, node, (2,))
    uses: dict[str, ParameterUse] = {name: use for name, _, use in weights(design)}
    return {name for name in found if name in uses and uses[name].shape[uses[name].unit_axis or 0] % 3 == 0}
