"""What norms do not see: scales, shifts, orders of batches, translations – and what that does to gradients."""

import torch
from torch import nn

from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import gaussian
from steadygrad.normalization import BatchNorm, LayerNorm, RMSNorm

EPS, TINY = 2.0**-52, 1e-12
RATE = 0.1


class NormInvariances(Experiment):
    """All in float64, on random inputs, with norms whose eps is 1e-12; weights in front of a norm under gradient descent."""

    name = "norm-invariances"
    title = "Scale and translation: what a norm cannot see"
    place = "batch normalization, layers; layer normalization"
    items = (64, 70, 71, 97)
    claims = (
        Claim("proven", "LN(a·x + b) = LN(x); BN does not see the scale of the weights in front of it, so that their gradient is orthogonal to them."),
        Claim("proven", "Such weights can only grow under SGD: ‖w − ηg‖² = ‖w‖² + η²‖g‖², and the effective rate η/‖w‖² falls by itself."),
        Claim("proven", "Convolutional batch norm is that of a fully connected layer whose samples are all positions, and commutes with translations."),
    )
    settings = {"tiny": {"steps": 20}, "full": {"steps": 200}}

    def measure(self, bench: Bench, *, steps: int) -> Outcome:
        """Run."""
        x = gaussian(16, 6, 5, 5, name="x", seed=bench.seed)
        flat = x.flatten(1)
        layer, rms, batch = LayerNorm(150, eps=TINY).double(), RMSNorm(150, eps=TINY).double(), BatchNorm(6, TINY).double()
        with torch.no_grad():
            y, moved = batch(x), batch(torch.roll(x, (2, 1), (2, 3)))
            reshaped = BatchNorm(6, TINY).double()(x.permute(0, 2, 3, 1).reshape(-1, 6)).view(16, 5, 5, 6).permute(0, 3, 1, 2)
            scaled = float((layer(3.0 * flat + 2.0) - layer(flat)).abs().max())
            rooted = float((rms(3.0 * flat) - rms(flat)).abs().max())
            order = torch.randperm(16, generator=torch.Generator().manual_seed(bench.seed))
            permuted = float((batch(x[order]) - y[order]).abs().max())
        weight, gradient, again = _gradient(bench.seed, 1.0)
        _, tripled, same = _gradient(bench.seed, 3.0)
        norms, rates, gap = _descent(bench.seed, steps)
        loose = 1e3 * EPS
        numbers = (
            Number("|mean| and |variance − 1| after batch norm", float(torch.maximum(y.mean((0, 2, 3)).abs().max(), (y.var((0, 2, 3),
                correction=0) - 1).abs().max())),
                0.0, 1e-11, "eps over the variance, 1e-12, and rounding", "the definition"),
            Number("LN(3x + 2) − LN(x)", scaled, 0.0, 1e-10, "eps over the variance", "shift and scale cancel"),
            Number("RMS(3x) − RMS(x)", rooted, 0.0, 1e-10, "eps over the mean square", "the scale cancels"),
            Number("batch norm of a translated image, translated back", float((torch.roll(moved, (-2, -1), (2, 3)) - y).abs().max()), 0.0, loose,
                "float64", "positions share statistics"),
            Number("convolutional batch norm against the fully connected one", float((reshaped - y).abs().max()), 0.0, loose, "float64",
                "m·p·q values a channel"),
            Number("batch norm of a permuted batch, put back", permuted, 0.0, loose, "float64", "sums do not see the order"),
            Number("outputs with weights three times as large", float((again - same).abs().max()), 0.0, 1e-9, "eps over the variance", "scale invariance"),
            Number("gradient with weights three times as large, times three", float((3.0 * tripled - gradient).abs().max() / gradient.abs().max()), 0.0, 1e-9,
                "eps over the variance", "∂/∂(aw) = (1/a)·∂/∂w"),
            Number("cosine of a unit's weights and their gradient", float(nn.functional.cosine_similarity(weight, gradient, dim=1).abs().max()), 0.0, 1e-9,
                "eps over the variance", "f(aw) = f(w): Euler"),
            Number("‖w‖² after descent, against ‖w₀‖² + Σ η²‖g‖²", gap, 0.0, 1e-9, "eps over the variance", "Pythagoras"),
        )  # fmt: skip
        count = list(range(steps + 1))
        figure = Figure("Weights in front of a norm under gradient descent", Axis("step", "updates"), Axis("value", "no unit"), (
            series("squared norm over the first", count, [n / norms[0] for n in norms], marks=False),
            series("effective rate η/‖w‖² over the first", count, [r / rates[0] for r in rates], marks=False)))  # fmt: skip
        return Outcome(numbers, figure, f"Squared norms grow {norms[-1] / norms[0]:.3f} times in {steps} steps.")


def _network(seed: int) -> tuple[nn.Sequential, torch.Tensor, torch.Tensor]:
    model = nn.Sequential(nn.Linear(12, 7, bias=False), BatchNorm(7, TINY), nn.Tanh(), nn.Linear(7, 1, bias=False)).double()
    with torch.no_grad():
        for k in (0, 3):
            model[k].weight.copy_(gaussian(*model[k].weight.shape, name=f"{k}", seed=seed))
    return model, gaussian(64, 12, name="data", seed=seed), gaussian(64, 1, name="target", seed=seed)


def _gradient(seed: int, factor: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    model, x, y = _network(seed)
    with torch.no_grad():
        model[0].weight.mul_(factor)
    out = model(x)
    nn.functional.mse_loss(out, y).backward()
    return model[0].weight.detach(), model[0].weight.grad, out.detach()


def _descent(seed: int, steps: int) -> tuple[list[float], list[float], float]:
    model, x, y = _network(seed)
    weight = model[0].weight
    norms, grown = [float(weight.detach().square().sum())], 0.0
    for _ in range(steps):
        (gradient,) = torch.autograd.grad(nn.functional.mse_loss(model(x), y), weight)
        with torch.no_grad():
            weight.sub_(RATE * gradient)
        grown += RATE**2 * float(gradient.square().sum())
        norms.append(float(weight.detach().square().sum()))
    return norms, [RATE / n for n in norms], abs(norms[-1] - norms[0] - grown) / norms[0]
