"""Tied weights are read in two places: one matrix as embedding and output layer, one as encoder and decoder."""

import math

import torch
from torch import nn

from steadygrad import draw_
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import gaussian
from steadygrad.schemes import lecun_normal, normal, orthogonal

DIMENSION, EPS = 64, 2.0**-52


class TiedWeights(Experiment):
    """A tied embedding's logits and loss at the start; a linear autoencoder whose decoder is the encoder transposed."""

    name = "tied-weights"
    title = "Tied weights: the scale must suit both uses"
    place = "numerical stability, beyond"
    items = (43,)
    claims = (
        Claim("proven", "Logits from a tied embedding of std s and states of second moment 1 have variance d·s²; then the first loss is log V + d·s²/2."),
        Claim("proven",
            "An autoencoder WᵀW with k of n orthonormal rows loses 1 − k/n of its input; Gaussian rows of variance 1/n lose 1 − 2k/n + k(k + n + 1)/n²."),
        Claim("measured", "torch's default N(0, 1) for embeddings starts a tied head at logits of standard deviation 8 and a loss far above guessing."),
    )
    settings = {"tiny": {"vocabulary": 600, "batch": 400, "seeds": 4}, "full": {"vocabulary": 8000, "batch": 4000, "seeds": 60}}

    def measure(self, bench: Bench, *, vocabulary: int, batch: int, seeds: int) -> Outcome:
        """Run."""
        numbers: list[Number] = []
        h = gaussian(batch, DIMENSION, name="h", seed=bench.seed)
        for name, std in (("N(0, 0.02²)", 0.02), ("N(0, 1/d)", DIMENSION**-0.5), ("N(0, 1), torch's default", 1.0)):
            embedding = nn.Embedding(vocabulary, DIMENSION, dtype=torch.float64)
            head = nn.Linear(DIMENSION, vocabulary, bias=False, dtype=torch.float64)
            head.weight = embedding.weight
            draw_(embedding.weight, normal(std), name=["head.weight", "embedding.weight"], seed=bench.seed)
            with torch.no_grad():
                logits = head(h)
                target = torch.arange(batch) % vocabulary
                loss = float(nn.functional.cross_entropy(logits, target))
            v = DIMENSION * std**2
            relative = math.sqrt(2.0 / (DIMENSION * batch) + 2.0 / (DIMENSION * vocabulary))
            numbers.append(Number(f"variance of the logits, {name}", float(logits.square().mean()), v, 4 * v * relative, "4·√(2/(d·batch) + 2/(d·V))",
                "d·s²"))
            if v <= 1.0:
                off = 4 * math.sqrt(v / batch + v * v / (2.0 * DIMENSION * batch)) + math.expm1(v) / vocabulary + v * v * 2.0 / DIMENSION
                numbers.append(Number(f"first loss, {name}", loss, math.log(vocabulary) + v / 2.0, off,
                    "4 standard errors of the target's logit, (e^v − 1)/V of the sum, 2v²/d for the states' lengths", "log V + d·s²/2"))
            else:
                numbers.append(Number(f"first loss, {name}", loss, math.log(vocabulary), 0.0, "a bound", "log V: the loss of equal guesses", "≥"))
        numbers += _uses(bench.seed)
        lines, found = _autoencoder(seeds, bench)
        figure = Figure("Linear autoencoder WᵀWx of 64 inputs at the start", Axis("hidden units k", "units"), Axis("squared error over squared input",
            "share"), lines)
        return Outcome((*numbers, *found), figure)


def _uses(seed: int) -> list[Number]:
    """The draw does not depend on the order of names; the gradient is the sum over both uses."""
    first, second = (draw_(torch.empty(40, 16, dtype=torch.float64), normal(1.0), name=n, seed=seed) for n in (["head.weight", "emb.weight"], ["emb.weight",
        "head.weight"]))
    ids = torch.arange(20)
    tied = first.clone().requires_grad_(True)
    g = torch.autograd.grad(nn.functional.cross_entropy(tied[ids] @ tied.T, ids), tied)[0]
    apart = [first.clone().requires_grad_(True) for _ in range(2)]
    parts = torch.autograd.grad(nn.functional.cross_entropy(apart[0][ids] @ apart[1].T, ids), apart)
    return [
        Number("entries that differ when a tied tensor's names come in another order", int((first != second).sum()), 0, 0.0, "a count",
            "`draw_`: the smallest name counts"),
        Number("gradient of the tied matrix minus the sum over its uses", float((g - parts[0] - parts[1]).abs().max()), 0.0, 8 * EPS * float(g.abs().max()),
            "float64 rounding", "product rule"),
    ]


def _autoencoder(seeds: int, bench: Bench) -> tuple[tuple, list[Number]]:
    n, sizes = DIMENSION, (8, 16, 24, 32, 40, 48, 56, 64)
    found: dict[str, list[float]] = {"orthogonal": [], "Gaussian, 1/n": []}
    for k in sizes:
        for name, scheme in (("orthogonal", orthogonal()), ("Gaussian, 1/n", lecun_normal())):
            total = 0.0
            for s in range(seeds):
                w = draw_(torch.empty(k, n, dtype=torch.float64), scheme, name=f"{name}.{k}.{s}", seed=bench.seed)
                total += float((w.T @ w - torch.eye(n, dtype=torch.float64)).square().sum()) / n / seeds
            found[name].append(total)
        bench.progress(k, n)
    exact = {"orthogonal": [1.0 - k / n for k in sizes], "Gaussian, 1/n": [1.0 - 2.0 * k / n + k * (k + n + 1) / n**2 for k in sizes]}
    numbers = []
    for k in (32, 64):
        at = sizes.index(k)
        numbers += [
            Number(f"loss of the autoencoder, {k} of 64 orthonormal rows", found["orthogonal"][at], exact["orthogonal"][at], 64 * EPS * 8,
                "float64 rounding", "1 − k/n"),
            Number(f"loss of the autoencoder, {k} of 64 Gaussian rows", found["Gaussian, 1/n"][at], exact["Gaussian, 1/n"][at],
                4 * 4.0 * k / n * math.sqrt(2.0 / (k * n * seeds)) * 2.0,
                "4 standard errors: relative √(2/(k·n·seeds)) of a sum of squares, to the power of two", "moments of a Wishart matrix"),
        ]
    lines = tuple(line for name in found for line in (series(f"{name}, measured", sizes, found[name], line=False), series(f"{name}, theory", sizes,
        exact[name], marks=False)))
    return lines, numbers
