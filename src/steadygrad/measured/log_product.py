"""Products of matrices that never leave the range of floats: mantissas beside a power of two, and singular values as logarithms."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from steadygrad.errors import InputError
from steadygrad.measured.compound import compound

LOG2 = math.log(2.0)
SMALL = 64
"""Up to this side a stack is multiplied in pairs, all pairs of a level at once; larger matrices one after another."""
LOG_TRUSTED = math.log(1e8)
"""Logarithm of the condition number up to which a product's QR knows every direction to 1e-8 in float64."""
SWEEPS = 60
LONG, TINY = 32, 5


@dataclass(frozen=True)
class LogMatrix:
    """mantissa · 2^exponent. The mantissa's largest entry has a magnitude in [1, 2); a product of 0 has mantissa 0 and exponent 0."""

    mantissa: torch.Tensor
    exponent: int

    @property
    def log_norm(self) -> float:
        """Natural logarithm of the Frobenius norm; −∞ for 0."""
        norm = float(self.mantissa.double().norm())
        return math.log(norm) + self.exponent * LOG2 if norm > 0.0 else -math.inf

    def value(self) -> torch.Tensor:
        """The matrix itself; entries beyond the dtype's range are ∞ or 0."""
        return _times_power(self.mantissa, max(min(self.exponent, 2200), -2200))


def _times_power(matrix: torch.Tensor, exponent: int) -> torch.Tensor:
    """matrix · 2^exponent in steps whose powers are normal numbers of every dtype."""
    while abs(exponent) > 120:
        step = 120 if exponent > 0 else -120
        matrix, exponent = matrix * 2.0**step, exponent - step
    return matrix * 2.0**exponent


def rescaled(matrix: torch.Tensor, exponent: int = 0) -> LogMatrix:
    """matrix · 2^exponent as a LogMatrix: exact, since only exponents are moved."""
    largest = float(torch.linalg.vector_norm(matrix, math.inf)) if matrix.numel() else 0.0
    if largest == 0.0 or not math.isfinite(largest):
        return LogMatrix(matrix, 0)
    shift = math.frexp(largest)[1] - 1
    return LogMatrix(_times_power(matrix, -shift), exponent + shift)


def log_product(factors: torch.Tensor | Sequence[torch.Tensor]) -> LogMatrix:
    """A_L ⋯ A_2 A_1 of factors given in the order in which they act: A_1 first.

    Where the plain product stays in range (and without pairing), mantissa · 2^exponent is that product bit for bit. The cost is that of the
    plain product and one maximum per factor. Small singular values of long products drown in rounding: `log_singular_values`.

    Args:
        factors: (L, n, n), or matrices whose shapes chain: (n_1, n_0), (n_2, n_1), …

    Raises:
        InputError: no factor, shapes that do not chain, or an entry that is not finite; the message names the factor.

    Example:
        >>> round(log_product(torch.full((100_000, 1, 1), 0.25)).log_norm / math.log(0.25))
        100000
    """
    _require(factors)
    if isinstance(factors, torch.Tensor) and factors.shape[1] <= SMALL and len(factors) > 2:
        return _finite(_paired(factors), factors)
    made = rescaled(factors[0])
    for factor in factors[1:]:
        made = rescaled(factor @ made.mantissa, made.exponent)
    return _finite(made, factors)


def _paired(stack: torch.Tensor) -> LogMatrix:
    exponents = torch.zeros(len(stack), dtype=torch.int64)
    while len(stack) > 1:
        pairs = len(stack) // 2
        product = stack[1 : 2 * pairs : 2] @ stack[0 : 2 * pairs : 2]
        product, shift = _each_rescaled(product)
        joined = exponents[0 : 2 * pairs : 2] + exponents[1 : 2 * pairs : 2] + shift.to(exponents)
        stack, exponents = torch.cat([product, stack[2 * pairs :]]), torch.cat([joined, exponents[2 * pairs :]])
    return rescaled(stack[0], int(exponents[0]))


def _each_rescaled(stack: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Every matrix of a stack over its own power of two, largest entry in [½, 1), and the exponents."""
    shift = torch.frexp(stack.abs().amax((1, 2))).exponent
    half = -shift // 2
    one = torch.ones(len(stack), dtype=stack.dtype, device=stack.device)
    return stack * torch.ldexp(one, half)[:, None, None] * torch.ldexp(one, -shift - half)[:, None, None], shift.long()


def log_singular_values(factors: torch.Tensor | Sequence[torch.Tensor], *, tolerance: float = 1e-9, sweeps: int = SWEEPS) -> torch.Tensor:
    """Natural logarithms of all singular values of A_L ⋯ A_1, largest first, in float64; −∞ where the product is exactly singular.

    A product whose condition number stays below 1e8 is multiplied out and decomposed. Long stacks of matrices up to 5 × 5 go by way of
    their compounds (`compound`). Otherwise the factors are brought to triangular form, A_k Q_{k−1} = Q_k R_k, whose diagonals'
    logarithms add up; transposed and read backwards the R_k have the same singular values, and a second sweep is a QR step on the
    product without ever forming it. Sweeps go on until no value moves by `tolerance`.
    Values that differ by a factor ρ converge like ρ^(−2·sweeps): nearly equal ones far below the largest are known to the last sweep's
    change only; of a factor that is singular but for rounding, what rounding left is what is told.
    Source: Stewart 1997, "On graded QR decompositions of products of matrices"; for one sweep Benettin et al. 1980.

    Args:
        factors: as in `log_product`.
        tolerance: largest change of a logarithm in the last sweep.
        sweeps: at most so many; one costs a QR decomposition (4/3·n³ multiplications and Q) per group of factors.

    Raises:
        InputError: as `log_product`.

    Example:
        >>> a = torch.diag(torch.tensor([1e-3, 1.0, 1e3]))
        >>> (log_singular_values(a.expand(1000, 3, 3)) / math.log(10.0)).round().tolist()
        [3000.0, 0.0, -3000.0]
    """
    _require(factors)
    matrices = [f.double() for f in factors] if not isinstance(factors, torch.Tensor) else factors.double()
    whole = log_product(matrices)
    s = torch.linalg.svdvals(whole.mantissa)
    if float(s[0]) == 0.0:
        return torch.full_like(s, -math.inf)
    if float(s[-1]) > float(s[0]) * math.exp(-LOG_TRUSTED):
        return s.log() + whole.exponent * LOG2
    if isinstance(matrices, torch.Tensor) and len(matrices) >= LONG and matrices.shape[1] <= TINY:
        return _by_compounds(matrices)
    triangles, scale = _grouped(matrices)
    found: torch.Tensor | None = None
    for _ in range(sweeps):
        triangles, diagonal = _sweep(triangles)
        ordered = diagonal.sort(descending=True).values + scale
        if found is not None and len(found) == len(ordered) and not bool(((ordered - found).abs() > tolerance).any()):
            return _padded(ordered, len(s))
        found, triangles = ordered, [r.T for r in reversed(triangles)]
    assert found is not None
    return _padded(found, len(s))


def _by_compounds(stack: torch.Tensor) -> torch.Tensor:
    """s_1⋯s_k is the largest singular value of the product of k-th compounds."""
    sums = []
    for k in range(1, stack.shape[1] + 1):
        whole = _paired(compound(stack, k))
        top = float(torch.linalg.matrix_norm(whole.mantissa, 2))
        sums.append(math.log(top) + whole.exponent * LOG2 if top > 0.0 else -math.inf)
    least = [sums[0], *(b - a if b > -math.inf else -math.inf for a, b in zip(sums, sums[1:], strict=False))]
    return torch.tensor(least, dtype=torch.float64, device=stack.device)


def exponents(factors: torch.Tensor | Sequence[torch.Tensor], top: int | None = None) -> torch.Tensor:
    """log|R_ii| summed over one sweep, per factor: estimates of the `top` largest Lyapunov exponents, in float64, as they come.

    One QR per group of factors. Off by O(1)/L from the logarithms of singular values over L; their sum over all directions is exact.

    Raises:
        InputError: as `log_product`; a `top` below 1 or above the first factor's inputs.
    """
    _require(factors)
    matrices = [f.double() for f in factors] if not isinstance(factors, torch.Tensor) else factors.double()
    width = matrices[0].shape[1]
    if top is not None and not 1 <= top <= width:
        raise InputError(f"`top` must be from 1 to {width}, the inputs of the first factor, got {top!r}")
    groups, scale = _grouped(matrices)
    return (_sweep(groups, top)[1] + scale) / len(matrices)


def _grouped(matrices: torch.Tensor | list[torch.Tensor]) -> tuple[list[torch.Tensor], float]:
    """Factors multiplied in groups as large as their condition numbers allow, scaled; and what the scales add to every logarithm."""
    if not isinstance(matrices, torch.Tensor) or matrices.shape[1] > SMALL:
        return list(matrices), 0.0
    s = torch.linalg.svdvals(matrices[:: max(1, len(matrices) // 64)])
    spread = float((s[:, 0] / s[:, -1].clamp_min(1e-300)).log().mean())
    size = max(1, min(32, int(LOG_TRUSTED / max(spread, 1e-3)), len(matrices)))
    whole = len(matrices) // size
    if size == 1:
        return list(matrices), 0.0
    stack = matrices[: whole * size].unflatten(0, (whole, size))
    made, shifts = stack[:, 0], 0
    for k in range(1, size):
        made = stack[:, k] @ made
        made, shift = _each_rescaled(made)
        shifts += int(shift.sum())
    return [*made, *matrices[whole * size :]], shifts * LOG2


def _sweep(factors: Sequence[torch.Tensor], top: int | None = None) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Triangular factors with the same product up to an orthogonal one on the left, and Σ log|R_ii|."""
    q = None if top is None else torch.eye(factors[0].shape[1], top, dtype=factors[0].dtype, device=factors[0].device)
    triangles = []
    for factor in factors:
        q, r = torch.linalg.qr(factor if q is None else factor @ q)
        triangles.append(r)
    least = min(len(r) for r in triangles)
    diagonals = torch.stack([r.diagonal()[:least] for r in triangles])
    return triangles, diagonals.abs().log().sum(0)


def _padded(values: torch.Tensor, length: int) -> torch.Tensor:
    return values[:length] if len(values) >= length else torch.cat([values, values.new_full((length - len(values),), -math.inf)])


def _require(factors: torch.Tensor | Sequence[torch.Tensor]) -> None:
    kinds = [f.dtype if isinstance(f, torch.Tensor) else type(f).__name__ for f in ([factors] if isinstance(factors, torch.Tensor) else factors)]
    if not all(isinstance(kind, torch.dtype) and kind.is_floating_point for kind in kinds):
        got = ", ".join(map(str, dict.fromkeys(kinds)))
        raise InputError(f"`factors` must be tensors of floats, (L, n, n) or a list of matrices, got {got}; torch.as_tensor(a, dtype=torch.float64) makes one")
    if isinstance(factors, torch.Tensor) and (factors.ndim != 3 or factors.shape[1] != factors.shape[2]):
        raise InputError(f"`factors` must be (L, n, n), or a list of matrices, got the shape {tuple(factors.shape)}")
    if len(factors) == 0:
        raise InputError("`factors` must hold at least one matrix, got none")
    if isinstance(factors, torch.Tensor):
        return
    inputs = factors[0].shape[-1]
    for k, factor in enumerate(factors):
        if factor.ndim != 2 or factor.shape[1] != inputs:
            raise InputError(f"`factors[{k}]` must be a matrix with {inputs} columns, as many as the one before has rows, got the shape {tuple(factor.shape)}")
        inputs = factor.shape[0]


def _finite(made: LogMatrix, factors: torch.Tensor | Sequence[torch.Tensor]) -> LogMatrix:
    """Nothing but a factor can bring in what is not finite: then, and only then, look for it."""
    if not bool(torch.isfinite(made.mantissa).all()):
        k = next(k for k, factor in enumerate(factors) if not bool(torch.isfinite(factor).all()))
        raise InputError(f"`factors[{k}]` must be finite, got an entry that is not")
    return made
