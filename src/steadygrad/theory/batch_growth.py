"""How fast gradients grow through batch-normalized layers, large batches.

    χ_BN = E[φ′(z)²]/Var[φ(z)] ≥ 1        (the Gaussian Poincaré inequality: equality only for linear φ)

π/(π − 1) = 1.467 for ReLU: Yang et al. 2019, arXiv:1902.08129. It breaks where samples of a batch drift apart in norm:
their relative differences change by η (`symmetry_slope`) per layer, beside the noise that finite width adds.
"""

import math

from steadygrad.errors import InputError
from steadygrad.theory import gaussian
from steadygrad.theory.activation import Activation
from steadygrad.theory.domain import require_depth, require_widths

STABLE = 1.0 + 1e-9
SMALLEST_BATCH = 4


def batch_norm_growth(activation: Activation) -> float:
    """χ_BN: the factor per layer on squared gradients of a deep network with batch norm before each activation.

    Valid while `symmetry_slope` ≤ 1, that is not for GELU, SiLU and softplus, whose samples drift apart in norm and
    whose gradients grow faster; batches of B add about (B − 2)/(B − 3).

    Raises:
        InputError: φ is constant: there is nothing to normalize.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(batch_norm_growth(activations.get("relu")), 6)  # π/(π − 1)
        1.466942
    """
    moments = _moments(activation)
    return moments.slope / moments.variance


def symmetry_slope(activation: Activation) -> float:
    """η = (E[φ φ′ z] − E[φ] E[φ′ z])/Var[φ]: how differences between the norms of samples change per layer.

    Raises:
        InputError: φ is constant.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(symmetry_slope(activations.get("gelu")), 3)
        1.062
    """
    moments = _moments(activation)
    product = gaussian.expectation(lambda x: (activation.phi(x) - moments.mean) * activation.derivative(x) * x, kinks=activation.kinks)
    return product / moments.variance


def finite_batch_factor(batch: int) -> float:
    """(B − 2)/(B − 3): what a batch of B adds to the growth per layer.

    Exact for linear layers under independence of the backward weights: a unit's variance over the batch is that of B − 1
    normals, E[1/χ²_{B−1}] = 1/(B − 3), and the backward pass projects out one more of B − 1 directions: (B − 2)/(B − 1).
    For other φ a rule that held within 6 % in simulations with η ≤ 1. Derived here; Yang et al. 2019 for the projection.

    Raises:
        InputError: B below 4, where the mean does not exist.

    Example:
        >>> [round(finite_batch_factor(b), 4) for b in (8, 32, 128)]
        [1.2, 1.0345, 1.008]
    """
    if batch < SMALLEST_BATCH:
        raise InputError(f"`batch` must be at least {SMALLEST_BATCH}, got {batch!r}: below, E[1/variance] is infinite")
    return (batch - 2.0) / (batch - 3.0)


def batch_norm_log_growth(activation: Activation, depth: int, batch: int | None = None) -> float:
    """log of squared gradients at the first of `depth` layers over those at the last: L·log(χ_BN·(B − 2)/(B − 3)).

    A lower estimate where `symmetry_slope` > 1. No choice of weight scale, bias or φ other than a linear one removes it;
    orthogonal weights with nearly linear φ do (Meterez et al. 2024, arXiv:2310.02012).

    Raises:
        InputError: depth below 1, or a batch below 4.

    Example:
        >>> from steadygrad.theory import activations
        >>> round(batch_norm_log_growth(activations.get("relu"), 100) / math.log(10.0), 1)  # squared: 1e16.6 over 100 layers
        16.6
    """
    require_depth(depth)
    factor = 1.0 if batch is None else finite_batch_factor(batch)
    return depth * math.log(batch_norm_growth(activation) * factor)


def is_symmetric(activation: Activation) -> bool:
    """Whether samples of a batch keep like norms, η ≤ 1, so that `batch_norm_growth` holds at any depth; False for GELU, SiLU.

    Example:
        >>> from steadygrad.theory import activations
        >>> [is_symmetric(activations.get(name)) for name in ("tanh", "relu", "gelu")]
        [True, True, False]
    """
    return symmetry_slope(activation) <= STABLE


def norm_spread(activation: Activation, depth: int, width: int) -> float:
    """Relative standard deviation, over samples, of the squared norm after `depth` batch-normalized layers of `width` units.

        V_l = η² V_{l−1} + κ/n,   κ = E[(φ − E[φ])⁴]/Var[φ]² − 1          large batch, first order; valid while V ≪ 1

    Grows like √depth at η = 1 (ReLU), exponentially at η > 1; once near 1 the growth formula is void. Derived here.

    Raises:
        InputError: depth or width below 1, or a constant φ.

    Example:
        >>> from steadygrad.theory import activations
        >>> [round(norm_spread(activations.get(name), 20, 1024), 3) for name in ("tanh", "relu", "gelu")]
        [0.028, 0.293, 0.627]
    """
    require_depth(depth)
    require_widths([width])
    moments = _moments(activation)
    fourth = gaussian.expectation(lambda x: (activation.phi(x) - moments.mean) ** 4, kinks=activation.kinks)
    noise, eta, variance = (fourth / moments.variance**2 - 1.0) / width, symmetry_slope(activation), 0.0
    for _ in range(depth):
        variance = eta**2 * variance + noise
    return math.sqrt(variance)


def _moments(activation: Activation) -> gaussian.Moments:
    """Those at q = 1, of a φ that varies.

    Raises:
        InputError: it does not.
    """
    found = gaussian.moments(activation)
    if not found.variance > 0.0:
        raise InputError(f"`{activation.name}` must vary, got Var[φ] = {found.variance:g}")
    return found
