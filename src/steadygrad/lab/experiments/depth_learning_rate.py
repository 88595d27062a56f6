"""The largest stable learning rate over depth, second moment, batch, momentum and biases, beside the one predicted from the start."""

import math
from dataclasses import replace
from typing import NamedTuple

from steadygrad.lab import digits
from steadygrad.lab.chain.training import Recipe, Run
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.split import Split, split
from steadygrad.lab.training import smooth
from steadygrad.theory.depth_rate import chain_sharpness, largest_stable_rate

WIDTH, GRID = 64, math.sqrt(2.0)
TOLERANCE = 2.0
WORSE = 0.5  # nats: past the edge a chain may settle where logits saturate, without a climb
WHY = (
    "octaves: half for the grid, half for s, a bound over directions; one for what training adds to the curvature, "
    "|z|²·(1 − Σp²) = 15 to 22 a layer on average (14.4 at the start) and more for single samples"
)


class Edge(NamedTuple):
    """The largest rate on the grid that was stable, and the predicted one, both times depth."""

    measured: float
    predicted: float


class DepthLearningRate(Experiment):
    """A chain of orthogonal critical tanh layers on digits; every rate on a √2 grid until the loss climbs by a nat or ends half a nat worse."""

    name = "depth-learning-rate"
    title = "How large a learning rate a depth allows"
    place = "numerical stability, beyond: 10,000-layer networks"
    items = (44,)
    claims = (
        Claim("proven", "SGD with momentum β is stable in mean square for η < 2/(λ/(1 + β) + s/(B(1 − β))); in an isometric chain λ and s grow as L."),
        Claim("proven", "Biases at the weights' rate multiply the curvature by 1 + 1/(n·q): at small q they, not the weights, limit the rate."),
        Claim(
            "measured",
            "Over depth, q, batch, momentum and biases the rate at which training breaks lies within a factor of 4 of that, without a fitted constant.",
        ),
        Claim("hunch", "Below a readout gain of about ½ training makes the logits as large anyway, and the edge stops growing."),
    )
    settings = {
        "tiny": {"base": {"layers": 8, "steps": 80}, "others": {"depth": ({"layers": 24},), "biases": ({"bias_rate_ratio": 1.0},)}},
        "full": {
            "base": {"layers": 300, "steps": 300},
            "others": {
                "depth": ({"layers": 30}, {"layers": 100}, {"layers": 1000}),
                "biases": tuple({"bias_rate_ratio": 1.0, "q": q} for q in (0.02, 0.002, 0.0002)),
                "batch": ({"batch": 16}, {"batch": 32}, {"batch": 256}),
                "momentum": ({"momentum": 0.5}, {"momentum": 0.8}),
            },
        },
    }

    def measure(self, bench: Bench, *, base: dict[str, float], others: dict[str, tuple[dict[str, float], ...]]) -> Outcome:
        """Run."""
        data = split(*digits.load())
        start = replace(Recipe(300, WIDTH, 0.002, 64, 300, 0.0, seed=bench.seed), **base)
        found = {"base": {"": _edge(start, data)}}
        total, done = 1 + sum(map(len, others.values())), 1
        for kind, changes in others.items():
            found[kind] = {}
            for change in changes:
                found[kind][_said(change)] = _edge(replace(start, **change), data)
                bench.progress(done := done + 1, total)
        numbers = [
            Number(f"log₂ of measured over predicted edge, {kind}{': ' + said if said else ''}", math.log2(edge.measured / edge.predicted), 0.0, TOLERANCE,
                WHY, "theory.depth_rate, with ρ of the inputs")
            for kind, edges in found.items() for said, edge in edges.items()
        ]  # fmt: skip
        ends = [min(e.predicted for es in found.values() for e in es.values()), max(e.predicted for es in found.values() for e in es.values())]
        figure = Figure(
            "Largest stable rate times depth, chains of tanh layers on digits",
            Axis("predicted from the start", "rate × layers", log=True),
            Axis("measured", "rate × layers", log=True),
            (
                series("equal", ends, ends, marks=False),
                *(series(kind, [e.predicted for e in edges.values()], [e.measured for e in edges.values()], line=False) for kind, edges in found.items()),
            ),
        )
        return Outcome(tuple(numbers), figure, f"Cosines of the inputs: ρ = {data.alignment():.3f}.")


def _said(change: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in change.items())


def _edge(recipe: Recipe, data: Split) -> Edge:
    """Upwards from a quarter of the prediction until a rate breaks or ends worse than a smaller one; downwards if that breaks already."""
    sharpness = chain_sharpness(
        recipe.layers, width=recipe.width, q=recipe.q, classes=data.classes, readout_gain=recipe.readout_gain, alignment=data.alignment(),
        bias_rate_ratio=recipe.bias_rate_ratio,
    )  # fmt: skip
    predicted = largest_stable_rate(sharpness, batch=recipe.batch, momentum=recipe.momentum)
    k, ended = -4, _ended(replace(recipe, rate=predicted * GRID**-4), data)
    if ended is None:
        while k > -12 and ended is None:
            ended = _ended(replace(recipe, rate=predicted * GRID ** (k := k - 1)), data)
        return Edge(predicted * GRID**k * recipe.layers, predicted * recipe.layers)
    best = ended
    while k < 8:
        ended = _ended(replace(recipe, rate=predicted * GRID ** (k + 1)), data)
        if ended is None or ended > best + WORSE:
            break
        k, best = k + 1, min(best, ended)
    return Edge(predicted * GRID**k * recipe.layers, predicted * recipe.layers)


def _ended(recipe: Recipe, data: Split) -> float | None:
    """Mean loss of the last thirty steps; None where the loss, over ten steps, climbed by a nat above where it had been."""
    run = Run(replace(recipe, every=recipe.steps + 1), data)
    run.train()
    means = smooth(run.losses)[9:]
    if not run.stable or any(m - min(means[: k + 1]) >= 1.0 for k, m in enumerate(means)):
        return None
    return math.fsum(run.losses[-30:]) / len(run.losses[-30:])
