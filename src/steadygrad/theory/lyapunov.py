"""Lyapunov exponents: what a product of random matrices does to a typical vector, not to the mean square.

    λ = lim log‖A_L ⋯ A_1 v‖/L            almost surely; norms behave like e^{λL}, volumes of k dimensions like e^{(λ₁+…+λ_k)L}

Mean squares are dominated by rare large products: for entries N(0, 1/n) the mean square stays at 1 while λ < 0.
"""

import math
from collections.abc import Sequence

import numpy as np

from steadygrad.errors import InputError
from steadygrad.theory.activation import Activation, Array
from steadygrad.theory.digamma import digamma
from steadygrad.theory.domain import require_widths
from steadygrad.theory.maps import chi_1


def gaussian_exponents(width: int, std: float = 1.0) -> Array:
    """All n exponents of a product of independent n × n matrices with entries N(0, std²), descending, (n,).

    λ_i = log std + ½(log 2 + ψ((n − i + 1)/2)): Gaussian matrices forget direction, so each step draws a χ².
    Source: Newman 1986, Commun. Math. Phys. 103:121; re-derived: ‖Av‖²/‖v‖² ~ std²·χ²_n, and the volume of the next
    dimension grows by a χ of one degree less.

    Raises:
        InputError: width below 1 or std not positive.

    Example:
        >>> gaussian_exponents(4).round(6).tolist()
        [0.557966, 0.364819, 0.057966, -0.635181]
    """
    require_widths([width])
    _require_std(std)
    freedom = [(width - i) / 2.0 for i in range(width)]
    return np.array([math.log(std) + 0.5 * (math.log(2.0) + digamma(f)) for f in freedom])


def gaussian_log_growth(widths: Sequence[int], std: float | Sequence[float] = 1.0) -> float:
    """E[log‖A_L ⋯ A_1 v‖ − log‖v‖] for matrices of widths[0], widths[1] … rows and entries N(0, std²); exact at every width.

    Raises:
        InputError: no layers, a width below 1, or a std that is not positive.

    Example:
        >>> round(gaussian_log_growth([4] * 101) / math.log(10.0), 1)  # 101 factors of 4 × 4: about 1e24
        24.5
    """
    require_widths(widths)
    stds = [std] * len(widths) if isinstance(std, int | float) else list(std)
    if len(stds) != len(widths):
        raise InputError(f"`std` must have one value per layer, {len(widths)}, got {len(stds)}")
    for value in stds:
        _require_std(value)
    return math.fsum(math.log(s) + 0.5 * (math.log(2.0) + digamma(n / 2.0)) for s, n in zip(stds, widths, strict=True))


def typical_critical_std(width: int) -> float:
    """The std of entries at which a product of n × n Gaussian matrices neither grows nor shrinks almost surely.

    exp(−½(log 2 + ψ(n/2))) ≈ (1 + 1/(2n))/√n: above 1/√n, at which the mean square is kept.

    Raises:
        InputError: width below 1.

    Example:
        >>> [round(typical_critical_std(n), 6) for n in (4, 64, 256)]
        [0.572372, 0.125986, 0.062622]
    """
    return math.exp(-float(gaussian_exponents(width)[0]))


def wide_exponent(activation: Activation, weight_variance: float, bias_variance: float = 0.0, q: float | None = None) -> float:
    """λ = ½ log χ₁: the exponent of a wide network's Jacobian at its fixed point, natural units per layer.

    For width → ∞ at fixed depth norms concentrate, so typical and mean square agree; at width n the difference is about
    κ/(4n) per layer (`finite_width`). −∞ where the activation is flat.

    Raises:
        InputError: as `maps.chi_1`.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(wide_exponent(activations.get("relu"), 1.0), 6)  # half of log ½
        -0.346574
    """
    chi = chi_1(activation, weight_variance, bias_variance, q)
    return 0.5 * math.log(chi) if chi > 0.0 else -math.inf


def _require_std(std: float) -> None:
    if not 0.0 < std < math.inf:
        raise InputError(f"`std` must be finite and positive, got {std!r}")
