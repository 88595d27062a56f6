"""Plain tanh networks of 100 to 10,000 layers in stock PyTorch: orthogonal critical weights against four other ways to draw them."""

import json
import math
import shutil
from pathlib import Path
from typing import NamedTuple

from torch import nn

from steadygrad.lab import digits
from steadygrad.lab.chain.training import critical_gain
from steadygrad.lab.deep import readout, tanh_stack, train_until
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.split import Split, split
from steadygrad.lab.training import accuracy, guess_error, guessing
from steadygrad.schemes import Scheme, glorot_normal, he_normal, lecun_normal, normal, orthogonal
from steadygrad.theory.depth_rate import chain_length, chain_sharpness, largest_stable_rate
from steadygrad.whole_file import write_whole

BATCH, MOMENTUM, GAIN, SAFETY, ENOUGH = 64, 0.9, 0.5, 0.5, 0.93
ORTHOGONAL = "orthogonal, critical"


class Ended(NamedTuple):
    """A finished training: its steps, the norm of the first layer's gradient over the last's at the start, and test accuracy."""

    steps: int
    first_to_last: float
    test: float


class TenThousandLayers(Experiment):
    """Half the predicted rate, stopped by a validation part, the test part looked at once; contrasts run as many steps as the longest of ours."""

    name = "ten-thousand-layers"
    title = "Plain networks of 10,000 layers, in stock PyTorch"
    place = "numerical stability, beyond: 10,000-layer networks"
    items = (44,)
    claims = (
        Claim("measured", "Orthogonal critical weights train at every depth, with one rule for signals (q = 0.3/√L) and one for the rate (∝ 1/L)."),
        Claim("measured", "Xavier, He, Gaussian critical and N(0, 0.01²) weights stay at chance at 10,000 layers with the same readout, data and rate."),
        Claim("proven", "Gaussian products spread: their singular values have log-variance L/n, so that at L ≫ n next to nothing comes through."),
    )
    settings = {
        "tiny": {"depths": (8, 20), "seeds": 1, "steps": 30, "reach": 0.8, "chance_from": 1000},
        "full": {"depths": (100, 1000, 10_000), "seeds": 3, "steps": 100, "reach": 0.9, "chance_from": 10_000},
    }

    def measure(self, bench: Bench, *, depths: tuple[int, ...], seeds: int, steps: int, reach: float, chance_from: int) -> Outcome:
        """Run."""
        data = split(*digits.load())
        chance, error = guessing(data.test_y), guess_error(data.test_y)
        ended: dict[str, list[list[Ended]]] = {}
        done, of = 0, len(depths) * (len(_ways(0.1)) + seeds - 1)
        for depth in depths:
            budget = steps
            for way in _ways(0.1):
                several = []
                for seed in range(bench.seed * 100, bench.seed * 100 + (seeds if way == ORTHOGONAL else 1)):
                    several.append(_run(depth, way, data, budget, seed, bench.keep))
                    bench.progress(done := done + 1, of)
                if way == ORTHOGONAL:
                    budget = max(each.steps for each in several)
                ended.setdefault(way, []).append(several)
        numbers = []
        for depth, several in zip(depths, ended[ORTHOGONAL], strict=True):
            numbers.append(
                Number(
                    f"test accuracy of {depth:,} layers, orthogonal critical, worst seed",
                    min(e.test for e in several),
                    reach,
                    0.0,
                    "a bound",
                    "nine in ten held-out digits",
                    "≥",
                )
            )
            ratio = max((math.log10(e.first_to_last) for e in several), key=abs)
            numbers.append(
                Number(f"log₁₀ of first over last layer's gradient norm, {depth:,} layers", ratio, 0.0, math.log10(3.0), "within [⅓, 3]", "dynamical isometry")
            )
        for way, rows in ended.items():
            if way != ORTHOGONAL and depths[-1] >= chance_from:
                numbers.append(
                    Number(
                        f"test accuracy of {depths[-1]:,} layers, {way}", rows[-1][0].test, chance, error, "4·√(p(1 − p)/n) of the test part", "guessing", "≤"
                    )
                )
        figure = Figure(
            "Plain tanh networks on digits, trained for as many steps",
            Axis("depth", "layers", log=True),
            Axis("test accuracy", "share"),
            tuple(series(way, depths, [sum(e.test for e in several) / len(several) for several in rows]) for way, rows in ended.items()),
        )
        return Outcome(tuple(numbers), figure, _said(depths, ended))  # fmt: skip


def _ways(q: float) -> dict[str, tuple[Scheme, float]]:
    gain = critical_gain(q)
    return {
        ORTHOGONAL: (orthogonal(), gain), "Gaussian, critical": (lecun_normal(), gain), "Xavier": (glorot_normal(), 1.0), "He": (he_normal(), math.sqrt(2.0)),
        "N(0, 0.01²)": (normal(0.01), 1.0),
    }  # fmt: skip


def _run(depth: int, way: str, data: Split, steps: int, seed: int, keep: Path | None) -> Ended:
    """One training; in `keep` one that is finished is remembered, and one that was killed goes on."""
    q, width = chain_length(depth), data.train_x.shape[1]
    name = f"{depth}-layers-{list(_ways(q)).index(way)}-seed-{seed}"
    finished = None if keep is None else keep / f"{name}.json"
    if finished is not None and finished.is_file():
        return Ended(*json.loads(finished.read_text()))
    scheme, gain = _ways(q)[way]
    sharpness = chain_sharpness(depth, width=width, q=q, classes=data.classes, readout_gain=GAIN, alignment=data.alignment())
    rate = SAFETY * largest_stable_rate(sharpness, batch=BATCH, momentum=MOMENTUM)
    model = nn.Sequential(tanh_stack(depth, width, scheme, seed=seed, gain=gain), readout(width, data.classes, GAIN / math.sqrt(q), seed=seed))
    scaled = data.scaled(math.sqrt(q))
    within = None if keep is None else keep / name
    trained = train_until(model, scaled, rate=rate, batch=BATCH, steps=steps, momentum=MOMENTUM, enough=ENOUGH, seed=seed, keep=within)
    ended = Ended(trained.steps, trained.first_to_last, accuracy(model, scaled.test_x, scaled.test_y))
    if finished is not None and within is not None:
        finished.parent.mkdir(parents=True, exist_ok=True)
        write_whole(finished, json.dumps(ended))
        shutil.rmtree(within, ignore_errors=True)
    return ended


def _said(depths: tuple[int, ...], ended: dict[str, list[list[Ended]]]) -> str:
    parts = []
    for way, rows in ended.items():
        for depth, several in zip(depths, rows, strict=True):
            each = ", ".join(f"{e.test:.1%} (step {e.steps}, ratio {e.first_to_last:.2g})" for e in several)
            parts.append(f"{way}, {depth:,} layers: {each}")
    return "; ".join(parts) + "."
