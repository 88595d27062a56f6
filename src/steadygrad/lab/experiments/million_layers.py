"""A plain tanh network of a million layers, sixteen wide, on digits of 4 × 4 pixels."""

import torch

from steadygrad.lab import digits
from steadygrad.lab.chain.training import Recipe, Run
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.experiments.hundred_thousand_layers import SAFETY, figure, numbers, said
from steadygrad.lab.split import split
from steadygrad.lab.training import guess_error, guessing
from steadygrad.theory.depth_rate import chain_length, chain_sharpness, largest_stable_rate

WIDTH = 16


class MillionLayers(Experiment):
    """The recipe of 100,000 layers, narrower; what rounding takes from an update is added to the next."""

    name = "million-layers"
    title = "A plain network of a million layers learns"
    place = "numerical stability, beyond: 10,000-layer networks"
    items = (44,)
    claims = (
        Claim("measured", "A million layers without skips or normalization learn from real data at half the predicted rate."),
        Claim("proven", "An update of rate·gradient below half a last place of a float32 weight is lost without compensation."),
    )
    settings = {
        "tiny": {"layers": 300, "batch": 32, "steps": 60, "reach": 0.4},
        "full": {"layers": 1_000_000, "batch": 32, "steps": 200, "reach": 0.5},
    }

    def measure(self, bench: Bench, *, layers: int, batch: int, steps: int, reach: float) -> Outcome:
        """Run."""
        given = digits.load()
        data = split(_quarter(given.train_x), given.train_y, _quarter(given.test_x), given.test_y)
        q, gain = chain_length(layers), Recipe.readout_gain * 2.0  # n·G² as with 64 units
        sharpness = chain_sharpness(layers, width=WIDTH, q=q, classes=data.classes, readout_gain=gain, alignment=data.alignment())
        rate = SAFETY * largest_stable_rate(sharpness, batch=batch, momentum=Recipe.momentum)
        run = Run(Recipe(layers, WIDTH, q, batch, steps, rate, readout_gain=gain, compensated=True, seed=bench.seed), data, bench.keep)
        marks = run.train(bench.progress)
        test = run.accuracy(data.test_x, data.test_y)
        return Outcome(
            numbers(run, marks, test, reach, steps),
            figure(marks, f"{layers:,} plain tanh layers on 4 × 4 digits"),
            f"q = {q:.2e}, rate {rate * layers:.3f}/L; {guessing(data.test_y):.1%} ± {guess_error(data.test_y):.1%} is guessing. " + said(marks),
        )


def _quarter(x: torch.Tensor) -> torch.Tensor:
    """(N, 64) images to (N, 16): means over 2 × 2 pixels."""
    return torch.nn.functional.avg_pool2d(x.reshape(-1, 1, 8, 8), 2).flatten(1)
