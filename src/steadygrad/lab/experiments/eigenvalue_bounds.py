"""Exercise 3: what the factors' eigenvalues and singular values say about their product."""

import math

import torch

from steadygrad import draw_
from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import gaussian
from steadygrad.schemes import orthogonal
from steadygrad.theory.product_bounds import definite_bounds, horn_bounds, product_bounds

N, EPS = 8, 2.0**-52


class EigenvalueBounds(Experiment):
    """Random pairs against every bound; a pair of nilpotent matrices; condition numbers of longer products."""

    name = "eigenvalue-bounds"
    title = "Eigenvalues of a product: bounded by singular values, not by eigenvalues"
    place = "numerical stability, exercise 3"
    items = (5, 47)
    claims = (
        Claim("proven", "σ_n(A)σ_n(B) ≤ |λ(AB)| ≤ σ_1(A)σ_1(B); Horn bounds every partial product of singular values."),
        Claim("proven", "Eigenvalues of the factors bound nothing unless they are symmetric: two nilpotent matrices have a product with eigenvalue 1."),
        Claim("measured", "Condition numbers of Gaussian products grow exponentially; orthogonal factors keep 1: gradients stay well conditioned."),
    )
    settings = {"tiny": {"pairs": 40, "seeds": 10}, "full": {"pairs": 2000, "seeds": 200}}

    def measure(self, bench: Bench, *, pairs: int, seeds: int) -> Outcome:
        """Run."""
        a, b = (gaussian(pairs, N, N, name=name, seed=bench.seed) for name in "ab")
        sa, sb, sab = (torch.linalg.svdvals(m) for m in (a, b, a @ b))
        size = torch.linalg.eigvals(a @ b).abs().sort(dim=1, descending=True).values
        weyl = (size.log().cumsum(1) - sab.log().cumsum(1)).max()
        horn = max(float((sab[k].log().cumsum(0) - torch.from_numpy(horn_bounds([sa[k].numpy(), sb[k].numpy()]))).max()) for k in range(min(pairs, 200)))
        symmetric = [m @ m.mT + 0.1 * torch.eye(N, dtype=torch.float64) for m in (a, b)]
        ends = [torch.linalg.eigvalsh(m) for m in symmetric]
        real = torch.linalg.eigvals(symmetric[0] @ symmetric[1]).real.log()
        bounds = [definite_bounds(ends[0][k].numpy(), ends[1][k].numpy()) for k in range(pairs)]
        inside = max(max(float(real[k].max()) - w.highest, w.lowest - float(real[k].min())) for k, w in enumerate(bounds))
        up = torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
        rounding = "rounding: n·ε times the condition number, below 1e6 here"
        numbers = (
            Number("largest |λ(AB)| over σ₁(A)·σ₁(B), all pairs", float((size[:, 0] / (sa[:, 0] * sb[:, 0])).max()), 1.0, 0.0, "a bound", "‖AB‖ ≤ ‖A‖‖B‖",
                "≤"),
            Number("smallest |λ(AB)| over σₙ(A)·σₙ(B), all pairs", float((size[:, -1] / (sa[:, -1] * sb[:, -1])).min()), 1.0, 1e-9, rounding,
                "the same for inverses", "≥"),
            Number("largest excess over Weyl's bounds, log", float(weyl), 0.0, 1e-9, rounding, "Weyl 1949", "≤"),
            Number("largest excess over Horn's bounds, log", horn, 0.0, 1e-9, rounding, "theory.product_bounds.horn_bounds", "≤"),
            Number("largest excess over the bounds of definite factors, log", inside, 0.0, 1e-7, "rounding: ε times the square of the condition number",
                "theory.product_bounds.definite_bounds", "≤"),
            Number("largest |λ| of two nilpotent matrices", float(torch.linalg.eigvals(up).abs().max() + torch.linalg.eigvals(up.T).abs().max()), 0.0, EPS,
                "exact", "triangular, zero diagonal"),
            Number("largest |λ| of their product", float(torch.linalg.eigvals(up @ up.T).abs().max()), 1.0, EPS, "exact",
                "[[0, 1], [0, 0]]·[[0, 0], [1, 0]] = diag(1, 0)"),
            *_conditions(seeds, bench.seed)[0],
        )
        lines = _conditions(seeds, bench.seed)[1]
        figure = Figure("Condition number of a product of 8 × 8 matrices", Axis("factors", "matrices"), Axis("σ₁/σ₈, geometric mean over seeds", "no unit",
            True), lines)
        return Outcome(numbers, figure)


def _conditions(seeds: int, seed: int) -> tuple[list[Number], tuple]:
    """Logs of condition numbers over 1 … 12 factors."""
    most, gauss, bound, ortho = 12, [0.0] * 12, [0.0] * 12, [0.0] * 12
    worst = 0.0
    for s in range(seeds):
        factors = gaussian(most, N, N, name=f"factors.{s}", seed=seed)
        values = [torch.linalg.svdvals(f).numpy() for f in factors]
        p, q = torch.eye(N, dtype=torch.float64), torch.eye(N, dtype=torch.float64)
        for k in range(most):
            p, q = factors[k] @ p, draw_(torch.empty(N, N, dtype=torch.float64), orthogonal(), name=f"q.{s}.{k}", seed=seed) @ q
            sp, sq, limit = torch.linalg.svdvals(p), torch.linalg.svdvals(q), product_bounds(values[: k + 1])
            gauss[k] += math.log(float(sp[0] / sp[-1])) / seeds
            ortho[k] += math.log(float(sq[0] / sq[-1])) / seeds
            bound[k] += (limit.highest - limit.lowest) / seeds
            worst = max(worst, float(sp[0].log()) - limit.highest, limit.lowest - float(sp[-1].log()))
    numbers = [
        Number("condition number of 12 orthogonal factors", math.exp(ortho[-1]), 1.0, 12 * N * 8 * EPS, "rounding of twelve products", "isometries"),
        Number("largest excess of a product's singular values over the bounds, log", worst, 0.0, 1e-3, "rounding: ε times condition numbers up to 1e12",
            "theory.product_bounds", "≤"),
    ]
    count = range(1, most + 1)
    named = (("product of the factors' condition numbers", bound), ("Gaussian factors", gauss), ("orthogonal factors", ortho))
    return numbers, tuple(series(name, count, [math.exp(v) for v in values]) for name, values in named)
