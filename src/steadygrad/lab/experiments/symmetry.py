"""Hidden units can be exchanged; started alike they stay alike, and the layer is one unit."""

import torch
from torch import nn

from steadygrad import check
from steadygrad.lab import digits
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import plain
from steadygrad.lab.training import train
from steadygrad.schemes import constant, glorot_uniform

UNITS, RATE, START = 8, 0.2, 0.1
EPS = 2.0**-52


class Symmetry(Experiment):
    """A one-hidden-layer tanh network on digits: permuted, started at a constant, and beside a network of one unit."""

    name = "symmetry"
    title = "Equal units stay equal: the hidden layer acts as one unit"
    place = "numerical stability, symmetry"
    items = (20, 21, 23, 24, 25)
    claims = (
        Claim("proven", "Units that start with equal weights in and out get equal gradients at every step, whatever the data."),
        Claim("proven", "n such units under a rate η are one unit under the rates η/n (in) and η·n (out)."),
        Claim("measured", "The difference between rows stays exactly 0, to the last bit."),
    )
    settings = {"tiny": {"steps": 12}, "full": {"steps": 400}}

    def measure(self, bench: Bench, *, steps: int) -> Outcome:
        """Run."""
        data = digits.load()
        x, y = data.train_x.double(), data.train_y
        random, same = (plain([64, UNITS, 10], nn.Tanh, s, seed=bench.seed, dtype=torch.float64) for s in (glorot_uniform(), constant(START)))
        numbers = [*_exchanged(random, x, bench.seed), *_invariances(x, bench.seed)]
        found = check(same, x[:64], y[:64], nn.functional.cross_entropy)
        numbers.append(
            Number("`check` names symmetric units as the cause", float(found.cause is not None and found.cause.slug == "symmetric-units"), 1.0, 0.0,
                "yes or no", "rule I101")
        )
        single = plain([64, 1, 10], nn.Tanh, constant(START), seed=bench.seed, dtype=torch.float64)
        with torch.no_grad():
            single[2].weight.mul_(UNITS)
        rates = [
            {"params": list(single[0].parameters()), "lr": RATE / UNITS},
            {"params": [single[2].weight], "lr": RATE * UNITS},
            {"params": [single[2].bias], "lr": RATE},
        ]
        losses = {
            name: train(model, x, y, torch.optim.SGD(groups, lr=RATE), steps)
            for name, model, groups in (
                ("random start", random, random.parameters()),
                ("constant start, 8 units", same, same.parameters()),
                ("one unit", single, rates),
            )
        }
        rows, columns = same[0].weight.detach(), same[2].weight.detach()
        apart = max(abs(a - b) for a, b in zip(losses["constant start, 8 units"], losses["one unit"], strict=True))
        numbers += [
            Number("largest difference between rows after training", float((rows - rows[0]).abs().max() + (columns - columns[:, :1]).abs().max()), 0.0, 0.0,
                "same operations on same numbers", "equal gradients"),
            Number("rank of the hidden weights, constant start", int(torch.linalg.matrix_rank(rows)), 1, 0.0, "an integer", "equal rows"),
            Number("rank of the hidden weights, random start", int(torch.linalg.matrix_rank(random[0].weight.detach())), UNITS, 0.0, "an integer",
                "random rows are independent"),
            Number("largest difference in loss to the network of one unit", apart, 0.0, 1000 * EPS * steps, "float64 rounding of ≤ 1000 additions per step",
                "the exact reduction"),
        ]
        count = list(range(steps))
        figure = Figure("Training loss on digits: 8 equal units are one unit", Axis("step", "updates"), Axis("cross-entropy", "nats", True), tuple(series(n,
            count, v) for n, v in losses.items()))
        return Outcome(tuple(numbers), figure,
            f"After {steps} steps the loss is {losses['random start'][-1]:.3f} from a random start, {losses['one unit'][-1]:.3f} from equal units.")


def _exchanged(model: nn.Sequential, x: torch.Tensor, seed: int) -> list[Number]:
    """The same function with its hidden units in another order."""
    order = torch.randperm(UNITS, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        before = model(x[:64])
        after = torch.tanh(x[:64] @ model[0].weight[order].T + model[0].bias[order]) @ model[2].weight[:, order].T + model[2].bias
    size = float(model[2].weight.detach().abs().sum(1).max())
    return [
        Number("change of the outputs when units are exchanged", float((before - after).abs().max()), 0.0, 128 * EPS * size,
            "float64 sums of ≤ 64 + 8 terms in another order", "permutation symmetry")
    ]


def _invariances(x: torch.Tensor, seed: int) -> list[Number]:
    """Exercise 1: other symmetries. Signs of tanh units; scales of ReLU units."""
    w, v = (plain([64, UNITS], None, "glorot_uniform", seed=seed + k, dtype=torch.float64)[0].weight.detach() for k in range(2))
    h, out = x[:64] @ w.T, v[:, :10].T
    scale = torch.linspace(0.5, 4.0, UNITS, dtype=torch.float64)
    sign = torch.where(torch.arange(UNITS) % 2 == 0, 1.0, -1.0).double()
    flipped = torch.tanh(h * sign) @ (out * sign).T - torch.tanh(h) @ out.T
    scaled = torch.relu(h * scale) @ (out / scale).T - torch.relu(h) @ out.T
    size = 16 * EPS * float(h.abs().max()) * UNITS
    return [
        Number("change when tanh units change sign, in and out", float(flipped.abs().max()), 0.0, size, "float64 rounding", "tanh(−z) = −tanh(z)"),
        Number("change when ReLU units are scaled by s, in, and 1/s, out", float(scaled.abs().max()), 0.0, size, "float64 rounding",
            "relu(s·z) = s·relu(z), s > 0"),
    ]
