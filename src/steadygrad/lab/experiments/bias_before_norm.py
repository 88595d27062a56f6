"""A bias in front of a batch norm does nothing, and is taken away; a norm is an affine map that could be folded into the layer."""

import torch
from torch import nn

from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.lenet import images, lenet, test_accuracy, train_epochs
from steadygrad.lab.number import Number
from steadygrad.normalization import BatchNorm, fold, strip_dead_bias

EPS = 2.0**-52


class BiasBeforeNorm(Experiment):
    """LeNet with batch norm, with and without the four biases that the norms subtract again; then with the norms folded away."""

    name = "bias-before-norm"
    title = "Biases before a batch norm are dead"
    place = "batch normalization, exercise 1"
    items = (86,)
    claims = (
        Claim("proven", "BN(Wx + b) = BN(Wx) in train mode: the gradient of b is 0, and b changes nothing but the running mean."),
        Claim("proven", "In eval mode a batch norm is an affine map and can be folded into the layer in front of it."),
    )
    settings = {"tiny": {"data": "digits", "samples": 256, "epochs": 2}, "full": {"data": "fashion-mnist", "samples": 60_000, "epochs": 2}}

    def measure(self, bench: Bench, *, data: str, samples: int, epochs: int) -> Outcome:
        """Run."""
        given = images(bench, data, samples)
        given = given._replace(train_x=given.train_x.double(), test_x=given.test_x.double())
        curves, tests, models = {}, {}, {}
        for bias in (True, False):
            model = lenet(BatchNorm, seed=bench.seed, bias=bias, dtype=torch.float64)
            name = "with biases" if bias else "without biases"
            curves[name] = train_epochs(model, given.train_x, given.train_y, rate=0.5, batch=128, epochs=epochs, seed=bench.seed)
            tests[name], models[name] = test_accuracy(model, given.test_x, given.test_y), model
            bench.progress(1 + (not bias), 2)
        model = models["with biases"]
        worst = _dead_gradient(model, given.train_x[:128], given.train_y[:128])
        apart = max(abs(a.loss - b.loss) for a, b in zip(*curves.values(), strict=True))
        before = _eval(model, given.test_x[:256])
        count = sum(p.numel() for p in model.parameters())
        strip_dead_bias(model, given.train_x[:64])
        stripped = float((_eval(model, given.test_x[:256]) - before).abs().max())
        removed = count - sum(p.numel() for p in model.parameters())
        folded = _eval(fold(model.eval(), given.test_x[:256]).model, given.test_x[:256])
        scale = float(before.abs().max())
        steps = epochs * (len(given.train_x) // 128)
        numbers = (
            Number("largest gradient of a bias in front of a norm, over the largest weight gradient", worst, 0.0, 1e4 * EPS,
                "sums of some thousand terms in float64", "∂BN(z + b)/∂b = 0"),
            Number("largest difference of epoch losses with and without", apart, 0.0, 1e-15 * 100.0**2 * steps, "float64 rounding, which training amplifies",
                "the same function"),
            Number("largest change of an output by `strip_dead_bias`, over the largest output", stripped / scale, 0.0, 1e3 * EPS,
                "float64 rounding", "the same function"),
            Number("parameters it took away", removed, 6 + 16 + 120 + 84, 0.0, "a count", "four layers"),
            Number("largest change of an output by `fold`, over the largest output", float((folded - before).abs().max()) / scale, 0.0, 1e4 * EPS,
                "float64 rounding", "W' = γW/σ, b' = β + γ(b − μ)/σ"),
        )  # fmt: skip
        count_ = list(range(1, epochs + 1))
        figure = Figure("LeNet with batch norm, biases or none", Axis("epoch", "passes"), Axis("training loss", "nats"),
            tuple(series(name, count_, [e.loss for e in curve]) for name, curve in curves.items()))  # fmt: skip
        return Outcome(numbers, figure, f"Test accuracy: {', '.join(f'{name} {value:.4f}' for name, value in tests.items())}.")


def _dead_gradient(model: nn.Sequential, x: torch.Tensor, y: torch.Tensor) -> float:
    affine = [layer for layer in model if isinstance(layer, nn.Linear | nn.Conv2d)]
    loss = nn.functional.cross_entropy(model.train()(x), y)
    biases = torch.autograd.grad(loss, [layer.bias for layer in affine[:-1]], retain_graph=True)
    weights = torch.autograd.grad(loss, [layer.weight for layer in affine[:-1]])
    return max(float(b.abs().max()) for b in biases) / max(float(w.abs().max()) for w in weights)


@torch.no_grad()
def _eval(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return model.eval()(x)
