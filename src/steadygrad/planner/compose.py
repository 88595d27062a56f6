"""Put a plan together: see the model, design the scales, choose the distributions, say why."""

from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from steadygrad.case import Case
from steadygrad.graph.flow import Walk
from steadygrad.graph.preflight import explained, inspect_batch, inspect_model
from steadygrad.graph.wrappers import unwrap
from steadygrad.planner import buffers
from steadygrad.planner.balance import balance
from steadygrad.planner.choices import Choice, matching, patterns, resolve, schemes
from steadygrad.planner.recipes import RECIPES
from steadygrad.planner.row import Layer
from steadygrad.planner.sight import Sight, see, with_shapes
from steadygrad.planner.study import Study
from steadygrad.planner.trial import learn
from steadygrad.planner.updates import level_updates
from steadygrad.randomness.stream import checked

SHOWN = ("affine", "norm", "join", "attention")


def compose(model: nn.Module, inputs: Any, scheme: Choice, seed: int, overrides: Mapping[str, Choice], keep: Iterable[str]) -> dict[str, Any]:
    """The fields of a `Plan`; see `plan`."""
    checked(seed, 0, 0, "plan")
    chosen, asked, kept = resolve(scheme, RECIPES), schemes(overrides), patterns(keep)
    inspect_model(model)
    if inputs is not None:
        inspect_batch("inputs", inputs)
    inner = with_shapes(unwrap(model)[0], inputs)
    with explained(Case(model, inputs)):
        sight = see(inner, inputs)
    names = list(sight.graph.parameters)
    forced = {name: asked[pattern] for name, pattern in matching(asked, names, "overrides").items()}
    held = matching(kept, names, "keep")
    study = Study(inner, sight, inputs, forced, held)
    recipe = RECIPES.get(chosen) if isinstance(chosen, str) else None
    study.design.scheme = recipe.scheme if recipe is not None else None
    walk = study.design.finish()
    if recipe is not None:
        recipe.adjust(study.design)
        for _ in range(recipe.runs):
            learn(study.design, study.run(inner, inputs if inputs is not None else sight.inputs, seed))
            recipe.adjust(study.design)
    elif chosen == "auto":
        level_updates(study.design, balance(study.design, walk))
        study.refine(inner, inputs, seed)
    study.design.ahead = False
    walk = study.design.finish_as_is()
    everywhere = None if isinstance(chosen, str) else chosen
    rows = [*(study.row(p, everywhere) for p in sight.graph.parameters.values()), *buffers.rows(inner)]
    if study.asked_for(rows):
        walk = study.design.finish_as_is()
    for row in rows:
        if row.action == "keep" and row.role != "buffer" and row.before is None and row.reason != "frozen":
            study.uncovered.setdefault(row.name, "no numbers to keep, and no rule for what reads it: give overrides={…}")
    return {
        "rows": tuple(rows), "layers": _layers(sight, walk) if sight.traced else (), "uncovered": study.uncovered, "notes": study.notes(walk),
        "seed": seed, "scheme": scheme if isinstance(scheme, str) else repr(scheme), "graph": sight.graph,
    }  # fmt: skip


def _layers(sight: Sight, walk: Walk) -> tuple[Layer, ...]:
    found, exact = [], _exact(sight, walk)
    for node in sight.graph.nodes:
        if node.kind in SHOWN and node.where != "loss" and node.index in walk.signals:
            gradient = walk.gradients.get(node.index)
            g = None if gradient is None else float(gradient.g[0])
            found.append(Layer(node.label, node.kind, walk.signals[node.index].value, g, node.index in exact, index=node.index))
    return tuple(found)


def _exact(sight: Sight, walk: Walk) -> set[int]:
    """Nodes with nothing measured among what they were made of."""
    known: set[int] = set()
    for node in sight.graph.nodes:
        if node.index not in walk.measured and all(i in known for i in node.inputs):
            known.add(node.index)
    return known

