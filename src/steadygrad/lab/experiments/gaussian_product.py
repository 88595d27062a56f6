"""The chapter's product of 4 × 4 Gaussian matrices: it grows like e^(λL), and λ is known."""

import math

import torch

from steadygrad.lab.experiment import Bench, Claim, Experiment, Outcome
from steadygrad.lab.figure import Axis, Figure, series
from steadygrad.lab.number import Number
from steadygrad.lab.plain import gaussian
from steadygrad.theory.digamma import trigamma
from steadygrad.theory.lyapunov import gaussian_log_growth, typical_critical_std

WIDTH, FACTORS = 4, 101  # "100 matrices", multiplied with an initial one: 101 factors
LOG10 = math.log(10.0)


class GaussianProduct(Experiment):
    """One vector through a product of matrices, over many seeds, in logs; then the same in plain float32."""

    name = "gaussian-product"
    title = "A product of 101 Gaussian 4 × 4 matrices is about 10²⁵"
    place = "numerical stability, exploding gradients"
    items = (4, 16, 17, 19)
    claims = (
        Claim("proven", "log‖A_L ⋯ A_1 v‖ has mean λL and variance ψ′(n/2)/4·L for entries N(0, σ²): λ = log σ + ½(log 2 + ψ(n/2))."),
        Claim("proven", "Typical growth stops at σ = 0.5724, the growth of mean squares at σ = 1/√4: the two scales differ at width 4."),
        Claim("measured", "Plain float32 overflows after about 160 factors; sums of logs do not."),
    )
    settings = {"tiny": {"seeds": 64, "long": 400}, "full": {"seeds": 2000, "long": 10_000}}

    def measure(self, bench: Bench, *, seeds: int, long: int) -> Outcome:
        """Run."""
        factors = gaussian(FACTORS, seeds, WIDTH, WIDTH, name="factors", seed=bench.seed)
        vector, matrix = torch.eye(WIDTH, dtype=torch.float64)[0].expand(seeds, WIDTH), torch.eye(WIDTH, dtype=torch.float64).expand(seeds, WIDTH, WIDTH)
        steps, log_matrix = torch.zeros(FACTORS, seeds, dtype=torch.float64), torch.zeros(seeds, dtype=torch.float64)
        for k, factor in enumerate(factors):
            vector, matrix = (factor @ vector[..., None])[..., 0], factor @ matrix
            steps[k] = vector.norm(dim=-1).log()
            size = matrix.norm(dim=(-2, -1))
            vector, matrix = vector / steps[k].exp()[:, None], matrix / size[:, None, None]
            log_matrix += size.log()
        grown = steps.cumsum(0)
        spread = 0.5 * math.sqrt(trigamma(WIDTH / 2.0) * FACTORS / seeds)
        exact, critical = gaussian_log_growth([WIDTH] * FACTORS), typical_critical_std(WIDTH)
        shift, four = FACTORS * math.log(critical), "4·√(ψ′(2)/4·101/seeds), of χ² draws"
        theory = "theory.lyapunov: ½(log 2 + ψ(2)) = 0.557966 per factor"
        numbers = (
            Number("log₁₀ growth of a vector, σ = 1", float(grown[-1].mean()) / LOG10, exact / LOG10, 4 * spread / LOG10, four, theory),
            Number("log₁₀ growth of a vector, σ = 0.572372", (float(grown[-1].mean()) + shift) / LOG10, 0.0, 4 * spread / LOG10, four,
                "theory.lyapunov.typical_critical_std"),
            Number("log₁₀ of the matrix's norm, σ = 1", float(log_matrix.mean()) / LOG10, 25.0, 4 * 1.65 / math.sqrt(seeds) + 0.05,
                "4·1.65/√seeds, and 25.0 is rounded to ±0.05", "2,000 products of an independent program: 25.0 ± 1.65"),
            Number("mean square of one factor's output, σ = ½", float((steps[0] * 2.0).exp().mean()) / 4.0, 1.0, 4 * math.sqrt(2.0 / WIDTH / seeds),
                "4·√(2/(n·seeds)): χ²_n/n has variance 2/n", "n·σ² = 1"),
            *_overflow(bench, long),
        )
        count = [k + 1 for k in range(FACTORS)]
        lines = [series("theory, σ = 1", count, [gaussian_log_growth([WIDTH] * k) / LOG10 for k in count], marks=False)]
        for name, std in (("σ = 1", 1.0), (f"σ = {critical:.4f}, typical critical", critical), ("σ = 0.5, mean-square critical", 0.5)):
            lines.append(series(name, count, [(float(grown[k].mean()) + (k + 1) * math.log(std)) / LOG10 for k in range(FACTORS)]))
        figure = Figure("Growth of a vector under a product of 4 × 4 Gaussian matrices", Axis("factors", "matrices"),
            Axis("log₁₀ of growth, mean over seeds", "powers of ten"), tuple(lines))
        remark = "101 factors: the initial matrix and 100 more. Over seeds log₁₀ of the norm is "
        return Outcome(numbers, figure, f"{remark}{float(log_matrix.mean()) / LOG10:.1f} ± {float(log_matrix.std()) / LOG10:.2f}.")


def _overflow(bench: Bench, long: int) -> list[Number]:
    """One long product: plain float32, and with the exponent kept apart."""
    factors = gaussian(long, WIDTH, WIDTH, name="long", seed=bench.seed)
    plain, kept, log = torch.eye(WIDTH)[0], torch.eye(WIDTH, dtype=torch.float64)[0], 0.0
    first = math.inf
    for k, factor in enumerate(factors):
        plain, kept = factor.float() @ plain, factor @ kept
        size = float(kept.norm())
        kept, log = kept / size, log + math.log(size)
        if not bool(torch.isfinite(plain).all()):
            first = min(first, k + 1)
        if k % 1000 == 0:
            bench.progress(k, long)
    exact, spread = gaussian_log_growth([WIDTH] * long), 0.5 * math.sqrt(trigamma(WIDTH / 2.0) * long)
    limit = math.log(2.0**128)
    until = limit / (exact / long)
    off = 4 * 0.5 * math.sqrt(trigamma(WIDTH / 2.0) * until) / (exact / long) + 3.0
    return [
        Number(f"log growth of one product of {long:,}, kept in logs", log, exact, 4 * spread, "4·√(ψ′(2)/4·L)", "theory.lyapunov.gaussian_log_growth"),
        Number("first factor at which plain float32 overflows", first, until, off,
            "4 standard deviations of the growth until there, and 3 factors for the largest entry", "log 2¹²⁸ / λ"),
    ]
