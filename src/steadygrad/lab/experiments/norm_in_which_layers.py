"""Batch norm in all, some or none of LeNet's four layers: sixteen networks."""

import math
from itertools import product

from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Grid
from steadygrad.lab.lenet import Trial, trial
from steadygrad.lab.number import Number
from steadygrad.lab.sweep import sweep

LAYERS = ("conv 1", "conv 2", "dense 1", "dense 2")


class NormInWhichLayers(Experiment):
    """Every subset of the four norms, at the chapter's rate of 1.0."""

    name = "norm-in-which-layers"
    title = "Is batch norm needed in every layer?"
    place = "batch normalization, exercise 3"
    items = (87,)
    claims = (
        Claim("measured", "Not in every layer: one norm, in the dense part, reaches as much as all four; norms in the convolutions alone do not."),
        Claim("hunch", "That the dense part's sigmoids are where signals die: four hundred inputs of one sign saturate them."),
    )
    settings = {
        "tiny": {"data": "digits", "samples": 64, "batch": 16, "epochs": 1, "seeds": 1},
        "full": {"data": "fashion-mnist", "samples": 12_000, "batch": 64, "epochs": 3, "seeds": 2},
    }

    def measure(self, bench: Bench, *, data: str, samples: int, batch: int, epochs: int, seeds: int) -> Outcome:
        """Run."""
        subsets = list(product((True, False), repeat=4))
        cells = [Trial(data, bench.data, samples, 1.0, batch, epochs, s, where=where)
            for where in subsets for s in range(bench.seed * seeds, bench.seed * seeds + seeds)]  # fmt: skip
        flat = sweep(trial, cells, bench.progress)
        test = {w: math.fsum(t.test for t in flat[k * seeds : (k + 1) * seeds]) / seeds for k, w in enumerate(subsets)}
        every, none = test[(True,) * 4], test[(False,) * 4]
        count = 360 if data == "digits" else 10_000
        error = 4.0 * math.sqrt(0.25 / (count * seeds))
        single = max(value for where, value in test.items() if sum(where) == 1)
        dense = min(value for where, value in test.items() if any(where[2:]))
        before = max(value for where, value in test.items() if not any(where[2:]))
        numbers = (
            Number("test accuracy with all four norms, over that with none", every - none, 0.0, error, "4·√(¼/n) of the test part", "the chapter", "≥"),
            Number("test accuracy with the best single norm, over that with all four", single - every, 0.0, error, "the same", "exercise 3: some can go", "≥"),
            Number("the worst subset with a norm in the dense part, over the best without", dense - before, 0.0, error, "the same", "measured before", "≥"),
        )
        rows = [(a, b) for a in (True, False) for b in (True, False)]
        cells_ = tuple(tuple(test[(*r, *c)] for c in rows) for r in rows)
        figure = Grid("LeNet: test accuracy by where the norms are", Axis("dense 1, dense 2", "norm or none"), Axis("conv 1, conv 2", "norm or none"),
            tuple(map(_name, rows)), tuple(map(_name, rows)), cells_, Axis("test accuracy", "share"))  # fmt: skip
        enough = [w for w, value in test.items() if value >= every - error]
        fewest = min(enough, key=sum)
        said = ", ".join(name for name, there in zip(LAYERS, fewest, strict=True) if there) or "none"
        return Outcome(numbers, figure, f"{len(enough)} of 16 subsets reach as much as all four within ±{error:.3f}; the smallest: {said}.")


def _name(pair: tuple[bool, bool]) -> str:
    return ", ".join("norm" if there else "none" for there in pair)
